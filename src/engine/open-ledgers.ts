import type { Blueprint } from '../definition/blueprint.js'
import { commitMsOf } from '../definition/commit-clock.js'
import type { Stage } from '../definition/graph.js'
import type { Receipt, SinkContext, TransactionalSink } from '../definition/sink.js'
import { RecordRejected } from '../errors/record.js'
import { Emitter } from './emitter.js'
import type { EngineHost } from './host.js'
import { Ledger } from './ledger.js'
import type { OutletSink } from './outlet.js'
import { aheadOf, type Claim, fenceReceipt, judgeReceipt } from './recovery.js'
import { EMPTY_DIGEST } from './digest.js'
import { RefusedItem } from './refused-item.js'
import { Refusals } from './refusals.js'

/** The sinks of a stage, the dead-letter sink among them, in the order that numbers them. */
export function sinksOf(blueprint: Blueprint, stage: Stage): readonly OutletSink[] {
  const { onError } = blueprint
  const sinks: OutletSink[] = stage.sinks.map(({ id, sink }, tag) => ({ id, sink, tag }))
  // The engine gives it dead letters and nothing else, whatever it is typed to take.
  const letters = onError.kind === 'deadLetter' ? (onError.sink as OutletSink['sink']) : undefined
  if (onError.kind === 'deadLetter' && letters !== undefined)
    sinks.push({ id: onError.id, sink: letters, tag: sinks.length })
  return sinks
}

type TransactionalGroup = {
  readonly id: string
  readonly sinks: readonly (OutletSink & { readonly sink: TransactionalSink<unknown, unknown> })[]
}

/** Sinks that share a ledger: those of one scope, else each by itself. */
export function ledgerGroups(sinks: readonly OutletSink[]): readonly TransactionalGroup[] {
  const groups = new Map<string, (OutletSink & { readonly sink: TransactionalSink<unknown, unknown> })[]>()
  for (const { id, sink, tag } of sinks) {
    if (sink.mode !== 'transactional') continue
    const scope = sink.scope ?? id
    groups.set(scope, [...(groups.get(scope) ?? []), { id, sink, tag }])
  }
  return [...groups].map(([id, members]) => ({ id, sinks: members }))
}

/** What a ledger of that task is called, for ever. */
export function ledgerKey(
  namespace: string,
  at: { pipeline: string; stage: string; partition: number },
  id: string,
): string {
  return `${namespace}/${at.pipeline}/${at.stage}/${at.partition}/${id}`
}

/** Opens every outlet of a task: the only place where ledgers are fenced (PROTOCOL §2). On an error none stays open. */
export async function openOutlets(
  host: EngineHost,
  blueprint: Blueprint,
  sinks: readonly OutletSink[],
  claim: Claim,
  signal: AbortSignal,
): Promise<{
  readonly ledgers: readonly Ledger[]
  readonly emitters: readonly Emitter[]
  readonly refusals: Refusals
}> {
  const ledgers: Ledger[] = []
  const emitters: Emitter[] = []
  const refusals = new Refusals(blueprint.onError, host.log)
  const base = { pipeline: claim.pipeline, stage: claim.stage, partition: claim.partition }
  const contextFor = (id: string, members: readonly string[], refused: RefusedItem): Omit<SinkContext, 'fence'> => ({
    ...base,
    owner: claim.owner,
    ...(claim.channel !== undefined && { channel: claim.channel }),
    ledgerKey: ledgerKey(host.namespace, base, id),
    sinks: members,
    signal,
    connection: host.connection,
    reject(itemId, reason, sink) {
      refused.latest = { itemId, reason, sink }
      const origin = { source: itemId, partition: claim.partition, position: '' }
      throw new RecordRejected({ pipeline: claim.pipeline, stage: claim.stage, origin, step: sink ?? id, reason })
    },
  })
  try {
    for (const group of ledgerGroups(sinks)) {
      const refused = new RefusedItem()
      const members = group.sinks.map((s) => s.id)
      const context = contextFor(group.id, members, refused)
      ledgers.push(await openLedger(group, context, { blueprint, claim, refused, refusals }))
    }
    for (const sink of sinks) {
      if (sink.sink.mode !== 'idempotent') continue
      const refused = new RefusedItem()
      const writer = await sink.sink.open(contextFor(sink.id, [sink.id], refused))
      emitters.push(new Emitter(sink, writer, base, { refused, judge: refusals }))
    }
    const outlets = [...ledgers, ...emitters]
    const letters = sinks.find(({ id }) => blueprint.onError.kind === 'deadLetter' && id === blueprint.onError.id)
    const outlet = outlets.find((one) => letters !== undefined && one.sinks.some(({ id }) => id === letters.id))
    if (letters !== undefined && outlet !== undefined) refusals.sendTo(outlet, letters)
    return { ledgers, emitters, refusals }
  } catch (error) {
    await Promise.allSettled([...ledgers, ...emitters].map((outlet) => outlet.close()))
    throw error
  }
}

async function openLedger(
  group: TransactionalGroup,
  context: Omit<SinkContext, 'fence'>,
  {
    blueprint,
    claim,
    refused,
    refusals,
  }: {
    readonly blueprint: Blueprint
    readonly claim: Claim
    readonly refused: RefusedItem
    readonly refusals: Refusals
  },
): Promise<Ledger> {
  let head: Receipt | undefined
  const fence = (found: Receipt | null, place?: string): Receipt => (head = fenceReceipt(group.id, found, claim, place))
  const first = group.sinks[0]
  if (first === undefined) throw new TypeError(`ledger '${group.id}' has no sink`)
  const writer = await first.sink.open({ ...context, fence })
  try {
    if (head === undefined)
      throw new TypeError(`sink '${first.id}' (${first.sink.kind}) opened without calling fence()`)
    judgeReceipt(group.id, writer.receipt, writer.place, claim)
  } catch (error) {
    await writer.close()
    throw error
  }
  return new Ledger({
    id: group.id,
    sinks: group.sinks,
    writer,
    head,
    digest: claim.checkpoint.ledgers[group.id]?.digest ?? EMPTY_DIGEST,
    ahead: aheadOf(writer.receipt, claim),
    commitMs: commitMsOf(
      blueprint.commitMs,
      group.sinks.map(({ sink }) => sink),
    ),
    refused,
    judge: refusals,
  })
}
