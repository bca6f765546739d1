import { createHash } from 'node:crypto'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import { compareDecimal, type ComparePositions, type Position } from '../definition/position.js'
import type { Owner } from '../definition/sink.js'
import type { OpenContext, SourceBatch, SourceDefinition, SourceReader } from '../definition/source.js'
import { SessionLost } from '../errors/ownership.js'
import type { LedgerMark } from '../protocol/checkpoint.js'
import type { ClaimInput, EpochInput, EpochResult } from '../protocol/epoch.js'
import { compileStage } from '../steps/compile-stage.js'
import type { StateKeeper } from '../state/state-keeper.js'
import { StepStates } from '../state/step-states.js'
import type { StageTime } from '../steps/stage-time.js'
import type { Push } from '../steps/step.js'
import { isDeterministic } from '../definition/ledgers.js'
import { Bell } from './bell.js'
import { Calls } from './calls.js'
import { CatchUp } from './catch-up.js'
import { Crowd } from './crowd.js'
import type { Emitter } from './emitter.js'
import { runEpoch } from './epoch.js'
import { Flow } from './flow.js'
import type { EngineHost } from './host.js'
import type { Ledger } from './ledger.js'
import { openOutlets, sinksOf } from './open-ledgers.js'
import { positionIn as positionOfItem } from './item-position.js'
import { sameOwner } from './owner.js'
import { changed, lostAgain } from './source-changes.js'
import { Prefetch } from './prefetch.js'
import { adoptedPosition, type Claim, furthestOf } from './recovery.js'
import type { Refusals } from './refusals.js'
import { restoreState } from './restore-state.js'
import { factsOf, type SourceFacts } from './source-facts.js'

/** Why a session's epoch is asked to end. */
export type StopReason = 'interrupted' | 'released' | 'orphaned'

/** A session that no epoch has come to for that long belongs to a task that went elsewhere. */
const FORSAKEN_MS = 120_000

/** A record of which only the key is asked. */
const NOWHERE = { position: '', next: '', key: null, value: undefined }

/** What one worker holds for one task between its epochs: ledgers, reader, prefetched records, compiled steps. */
export class Session {
  readonly host: EngineHost
  readonly blueprint: Blueprint
  readonly claim: Claim
  readonly source: { readonly id: string; readonly definition: SourceDefinition<unknown, unknown, unknown> }
  readonly compare: ComparePositions
  readonly ledgers: readonly Ledger[]
  readonly emitters: readonly Emitter[]
  readonly deadLetters: Push | undefined
  readonly refusals: Refusals
  readonly crowd: Crowd
  /** What the next epoch, or the one under way, has to catch up with. */
  catchUp: CatchUp
  readonly prefetch: Prefetch
  readonly bell: Bell
  readonly flow: Flow
  readonly push: Push
  /** Keyed state of the steps. */
  readonly states = new StepStates()
  readonly time: StageTime
  /** There from `open` on. */
  keeper!: StateKeeper
  readonly at: Int32Array
  /** Null where every step is deterministic. */
  readonly calls: Calls | null
  readonly identity: string | undefined
  readonly task: number
  readonly abort = new AbortController()
  /** Next to read: everything before it has been through the steps. */
  position: Position
  /** The batch whose lost records a checkpoint has told. */
  skipped: SourceBatch<unknown> | null = null
  /** Index into the records of `prefetch.head`. */
  cursor = 0
  stop: StopReason | null = null
  /** True once an epoch has ended because the worker goes away, or with a problem: no other will come. */
  handedBack = false
  /** It stands at what its ledger holds, beyond the checkpoint, until an epoch has said so. */
  adopted: boolean
  /** The source was in trouble when the last epoch ended, and history says so. */
  inTrouble = false
  private interrupted = 0
  private epoch: number
  private checkpoint: Position
  private recorded: Readonly<Record<string, LedgerMark>>
  private running: Promise<EpochResult> | undefined
  private closing: Promise<void> | undefined
  private forsaken: NodeJS.Timeout | undefined
  private readonly names: readonly string[]

  private constructor(parts: {
    readonly host: EngineHost
    readonly blueprint: Blueprint
    readonly stage: Stage
    readonly claim: Claim
    readonly source: Session['source']
    readonly ledgers: readonly Ledger[]
    readonly emitters: readonly Emitter[]
    readonly refusals: Refusals
    /** Where to go on: the checkpoint's, unless what the ledger holds is adopted. */
    readonly position: Position
    readonly reader: SourceReader<unknown>
    readonly openReader: (position: Position) => Promise<SourceReader<unknown>>
    readonly catchUp: CatchUp
    readonly acceptCodeChange: boolean
    readonly abort: AbortController
    readonly facts: SourceFacts
  }) {
    const { host, blueprint, stage, claim, source } = parts
    this.host = host
    this.blueprint = blueprint
    this.claim = claim
    this.source = source
    this.compare = source.definition.compare ?? compareDecimal
    this.ledgers = parts.ledgers
    this.emitters = parts.emitters
    this.refusals = parts.refusals
    this.catchUp = parts.catchUp
    this.abort = parts.abort
    this.identity = parts.reader.identity
    this.checkpoint = positionIn(claim, source.id)
    this.position = parts.position
    this.adopted = this.position !== this.checkpoint
    this.epoch = claim.checkpoint.epoch
    this.recorded = claim.checkpoint.ledgers
    this.at = new Int32Array(new SharedArrayBuffer(4))
    this.bell = new Bell()
    const sinks = sinksOf(blueprint, stage)
    this.names = [source.id, ...stage.steps.map((s) => s.id), ...sinks.map((s) => s.id)]
    const place = { pipeline: claim.pipeline, stage: claim.stage, source: source.id, partition: claim.partition }
    this.flow = new Flow(place, source.definition.key, () => this.step ?? source.id)
    const lists = this.ledgers.map(({ head }) => head.rejections)
    const start = positionIn(claim, source.id)
    const isAdopted = (itemId: string): boolean => this.adopted && this.isDone(itemId, this.position)
    this.refusals.restore(lists, this.outlets, (itemId) => this.isDone(itemId, start), isAdopted)
    const pushes: Record<string, Push> = {}
    for (const outlet of this.outlets) {
      for (const sink of outlet.sinks) {
        pushes[sink.id] = outlet.pushFor(sink, this.at, stage.steps.length + sink.tag)
      }
    }
    this.task = host.stalls.register(`${claim.pipeline}/${claim.stage}/${claim.partition}`, this.at, this.names)
    const { flow, at, task, bell, states } = this
    const { key } = source.definition
    // Kafka's keys are their bytes; what else a record holds has nothing to do with them.
    const decodeKey = (_: string, bytes: Uint8Array): unknown => key?.({ ...NOWHERE, key: bytes })
    const check = parts.facts.keyCheck?.(flow, () => this.step ?? source.id)
    const runtime = { sinks: pushes, at, states, decodeKey, ...(check !== undefined && { mustBeHere: check }) }
    const reuse = { flow, at, task, bell, stalls: host.stalls, keyOf: key }
    this.calls = isDeterministic(stage) ? null : new Calls(reuse)
    const { pushes: entries, time } = compileStage(stage, this.calls?.runtime(runtime) ?? runtime)
    this.time = time
    time.senders = parts.facts.senders
    const push = entries[source.id]
    if (push === undefined) throw new TypeError(`stage '${stage.id}' has no source '${source.id}'`)
    this.push = push
    this.crowd = new Crowd(parts.emitters, parts.refusals, `${claim.pipeline}/${claim.stage}/${source.id}`)
    this.deadLetters = blueprint.onError.kind === 'deadLetter' ? pushes[blueprint.onError.id] : undefined
    this.prefetch = new Prefetch({
      open: parts.openReader,
      reader: parts.reader,
      position: this.position,
      bell: this.bell,
      budget: host.budget,
      place: { pipeline: claim.pipeline, source: source.id, partition: claim.partition },
    })
    this.expectEpoch()
  }

  /** Claims a task for this process: fences, reads receipts, judges them, opens the source (PROTOCOL §2). */
  static async open(host: EngineHost, blueprint: Blueprint, stage: Stage, input: ClaimInput): Promise<Session> {
    const session = await Session.assemble(host, blueprint, stage, input)
    try {
      const { states, claim, flow } = session
      const { signal } = session.abort
      session.keeper = await restoreState({ host, states, claim, blueprint, signal, time: () => flow.now })
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }

  private static async assemble(
    host: EngineHost,
    blueprint: Blueprint,
    stage: Stage,
    input: ClaimInput,
  ): Promise<Session> {
    const claim: Claim = { ...input, fingerprint: fingerprintOf(blueprint, host.buildId) }
    const node = stage.sources[0]
    if (node === undefined) throw new TypeError(`stage '${stage.id}' has no source`)
    const source = { id: node.id, definition: node.source }
    const abort = new AbortController()
    const outlets = await openOutlets(host, blueprint, sinksOf(blueprint, stage), claim, abort.signal)
    try {
      const compare = source.definition.compare ?? compareDecimal
      const checkpoint = positionIn(claim, source.id)
      const ahead = outlets.ledgers.map((ledger) => ledger.ahead)
      const furthest = furthestOf(ahead, source.id, checkpoint, compare)
      const adopted = adoptedPosition(isDeterministic(stage), furthest)
      const position = adopted ?? checkpoint
      // What is adopted need not be readable any more.
      const strictUntil = adopted === null ? furthest : null
      const catchUp = new CatchUp({
        claim,
        source: source.id,
        compare,
        furthest,
        ledgers: outlets.ledgers,
        emitters: outlets.emitters,
        acceptCodeChange: input.acceptCodeChange,
        adopts: adopted !== null,
      })
      const { namespace, connection } = host
      const asked = { pipeline: claim.pipeline, source: source.id, namespace, signal: abort.signal, connection }
      let known = claim.checkpoint.identities[source.id]
      const openReader = async (at: Position): Promise<SourceReader<unknown>> => {
        const context: OpenContext = { ...asked, partition: claim.partition, position: at }
        const reader = await source.definition.open(strictUntil === null ? context : { ...context, strictUntil })
        known ??= reader.identity
        if (reader.identity === undefined || reader.identity === known) return reader
        await reader.close()
        throw changed(claim, source.id, at, { was: known ?? '', is: reader.identity })
      }
      const facts = await factsOf(stage, source.definition, asked)
      const reader = await openReader(position).catch((error: unknown) => {
        throw catchUp.active ? lostAgain(claim, source.id, error) : error
      })
      const parts = { host, blueprint, stage, claim, source, ...outlets, position, reader, openReader, catchUp, abort }
      return new Session({ ...parts, facts, acceptCodeChange: input.acceptCodeChange })
    } catch (error) {
      await Promise.allSettled([...outlets.ledgers, ...outlets.emitters].map((outlet) => outlet.close()))
      throw error
    }
  }

  get owner(): Owner {
    return this.claim.owner
  }

  get outlets(): readonly (Ledger | Emitter)[] {
    return [...this.ledgers, ...this.emitters]
  }

  /** Id of the step or sink whose code ran last for the record under way; null while its source decodes. */
  get step(): string | null {
    const index = this.at[0] ?? -1
    return index < 0 ? null : (this.names[index + 1] ?? null)
  }

  /** Marks of the ledgers that have moved since the last checkpoint. */
  get moved(): Readonly<Record<string, LedgerMark>> {
    const marks: Record<string, LedgerMark> = {}
    for (const { id, mark } of this.ledgers) {
      if (this.recorded[id]?.seq !== mark.seq) marks[id] = { seq: mark.seq, digest: mark.digest }
    }
    return marks
  }

  /**
   * Runs one epoch and returns its checkpoint. Refuses with `SessionLost` what isn't the very next epoch of this very
   * owner (PROTOCOL §4). After any error the session is closed: the task claims again, and the ledgers decide.
   */
  async run(input: EpochInput): Promise<EpochResult> {
    this.admit(input)
    clearTimeout(this.forsaken)
    this.prefetch.checkpointed(this.checkpoint)
    if (this.interrupted === input.epoch) this.stop ??= 'interrupted'
    const running = runEpoch(this, input)
    this.running = running
    try {
      const result = await running
      this.epoch = input.epoch
      this.checkpoint = this.position
      this.adopted = false
      this.recorded = { ...this.recorded, ...result.ledgers }
      this.stop = null
      this.handedBack = result.ended === 'released' || result.problem !== undefined
      this.running = undefined
      this.expectEpoch()
      return result
    } catch (error) {
      this.running = undefined
      await this.close()
      throw error
    }
  }

  /**
   * Asks the epoch under way to end at the next record; one that is catching up does so first. `epoch` named and not
   * begun: it will end as soon as it begins.
   */
  interrupt(reason: StopReason, epoch?: number): void {
    if (epoch !== undefined) this.interrupted = epoch
    if (this.running === undefined && reason === 'interrupted') return
    this.stop = reason
    this.bell.ring()
  }

  /** What reading has failed with, as the end of an epoch that is catching up. */
  lostAgain(failure: unknown): unknown {
    return lostAgain(this.claim, this.source.id, failure)
  }

  /**
   * Ends the session of a task that stands still after that epoch, maybe for good. All its ledgers are left at the
   * checkpoint's position: should history be gone by the next start, they tell all of where it stopped.
   */
  release(epoch: number): Promise<void> {
    this.closing ??= this.settle(epoch).then(() => this.shut())
    return this.closing
  }

  /** Whether an item is of what lies before `position`. */
  isDone(itemId: string, position: Position): boolean {
    const at = positionOfItem(itemId, this.flow.place)
    return at === null || this.compare(at, position) < 0
  }

  /** Nothing was offered to it between its receipt and here. */
  isBehind({ head }: Ledger): boolean {
    return head.positions[this.source.id] !== this.position
  }

  /** Ends the session; commits nothing. */
  close(): Promise<void> {
    this.closing ??= this.shut()
    return this.closing
  }

  /** True while an epoch is under way. */
  get busy(): boolean {
    return this.running !== undefined
  }

  get closed(): boolean {
    return this.closing !== undefined
  }

  private admit(input: EpochInput): void {
    const { pipeline, stage, partition } = this.claim
    const refuse = (reason: string): never => {
      throw new SessionLost({ pipeline, stage, partition, worker: null, reason })
    }
    if (this.closed) refuse('it was closed')
    if (this.running !== undefined) refuse('it runs another epoch')
    if (!sameOwner(input.owner, this.owner)) refuse('it belongs to another claim')
    if (input.epoch !== this.epoch + 1) refuse(`it stands at epoch ${this.epoch}, not before epoch ${input.epoch}`)
    if (input.positions[this.source.id] !== this.checkpoint) refuse(`it stands at ${this.checkpoint}`)
  }

  private expectEpoch(): void {
    this.forsaken = setTimeout(() => void this.close(), FORSAKEN_MS)
    this.forsaken.unref()
  }

  private async settle(epoch: number): Promise<void> {
    if (this.running !== undefined || this.catchUp.active || epoch !== this.epoch) return
    const positions = { [this.source.id]: this.position }
    const behind = this.ledgers.filter((ledger) => this.isBehind(ledger))
    // One that can't, stays behind: nothing is lost by that while there is history.
    await Promise.allSettled(behind.map((ledger) => ledger.settle(positions)))
  }

  private async shut(): Promise<void> {
    clearTimeout(this.forsaken)
    this.abort.abort()
    this.bell.ring()
    // An epoch under way ends with an error at its next step; its outcome is the ledgers' to tell.
    await this.running?.catch(() => undefined)
    this.host.stalls.unregister(this.task)
    await Promise.allSettled([
      this.prefetch.close(),
      this.keeper?.close(),
      ...this.outlets.map((outlet) => outlet.close()),
    ])
  }
}

function positionIn(claim: Claim, source: string): Position {
  const position = claim.checkpoint.positions[source]
  if (position === undefined) throw new TypeError(`the checkpoint has no position of source '${source}'`)
  return position
}

/** Of plan and build (PROTOCOL §3.5). Where the worker has no build id, the code of the steps stands for it. */
export function fingerprintOf(blueprint: Blueprint, buildId: string): string {
  return createHash('sha256')
    .update(`${blueprint.fingerprint}\n${buildId === '' ? codeOf(blueprint) : buildId}`)
    .digest('hex')
    .slice(0, 32)
}

const codeOf = ({ stages }: Blueprint): string =>
  stages.flatMap((stage) => stage.steps.map(({ id, step }) => `${id} ${step.code ?? ''}`)).join('\n')
