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
): Promise<{ readonly ledgers: readonly Ledger[]; readonly emitters: readonly Emitter[] }> {
  const ledgers: Ledger[] = []
  const emitters: Emitter[] = []
  const base = { pipeline: claim.pipeline, stage: claim.stage, partition: claim.partition }
  const contextFor = (id: string, members: readonly string[]): Omit<SinkContext, 'fence'> => ({
    ...base,
    owner: claim.owner,
    ledgerKey: ledgerKey(host.namespace, base, id),
    sinks: members,
    signal,
    connection: host.connection,
    reject(itemId, reason) {
      const origin = { source: itemId, partition: claim.partition, position: '' }
      throw new RecordRejected({ pipeline: claim.pipeline, stage: claim.stage, origin, step: id, reason })
    },
  })
  try {
    for (const group of ledgerGroups(sinks)) {
      const context = contextFor(
        group.id,
        group.sinks.map((s) => s.id),
      )
      ledgers.push(await openLedger(group, context, blueprint, claim))
    }
    for (const sink of sinks) {
      if (sink.sink.mode !== 'idempotent') continue
      emitters.push(new Emitter(sink, await sink.sink.open(contextFor(sink.id, [sink.id])), base))
    }
    return { ledgers, emitters }
  } catch (error) {
    await Promise.allSettled([...ledgers, ...emitters].map((outlet) => outlet.close()))
    throw error
  }
}

async function openLedger(
  group: TransactionalGroup,
  context: Omit<SinkContext, 'fence'>,
  blueprint: Blueprint,
  claim: Claim,
): Promise<Ledger> {
  let head: Receipt | undefined
  const fence = (found: Receipt | null): Receipt => (head = fenceReceipt(group.id, found, claim))
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
  })
}
