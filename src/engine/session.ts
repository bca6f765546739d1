import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import { isDeterministic } from '../definition/ledgers.js'
import type { Positions } from '../definition/position.js'
import type { Owner } from '../definition/sink.js'
import type { TidemarkError } from '../errors/base.js'
import { SessionLost } from '../errors/ownership.js'
import type { LedgerMark } from '../protocol/checkpoint.js'
import type { ClaimInput, EpochInput, EpochResult } from '../protocol/epoch.js'
import type { LookInput, LookResult } from '../protocol/look.js'
import type { StateKeeper } from '../state/state-keeper.js'
import { StepStates } from '../state/step-states.js'
import { compileStage } from '../steps/compile-stage.js'
import type { StageTime } from '../steps/stage-time.js'
import type { Push } from '../steps/step.js'
import type { Answers } from './answers.js'
import { problemOf } from './bad-record.js'
import { Bell } from './bell.js'
import { Calls } from './calls.js'
import type { CatchUp } from './catch-up.js'
import { CheckpointGuard } from './checkpoint-guard.js'
import { Crowd } from './crowd.js'
import type { Emitter } from './emitter.js'
import { runEpoch } from './epoch.js'
import { Flow, type FlowPlace } from './flow.js'
import type { EngineHost } from './host.js'
import { Input, positionsOf } from './input.js'
import { positionIn as positionOfItem } from './item-position.js'
import type { Ledger } from './ledger.js'
import { sinksOf } from './open-ledgers.js'
import { Looks } from './looks.js'
import { openSession, type SessionParts } from './open-session.js'
import { positionIn } from './open-sources.js'
import { sameOwner } from './owner.js'
import type { Claim } from './recovery.js'
import type { Refusals } from './refusals.js'
import { restoreState } from './restore-state.js'
import { lostAgain } from './source-changes.js'
import type { Order } from './vectors.js'

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
  /** In the order of the definition. */
  readonly inputs: readonly Input[]
  readonly order: Order
  readonly ledgers: readonly Ledger[]
  readonly emitters: readonly Emitter[]
  readonly deadLetters: Push | undefined
  readonly refusals: Refusals
  readonly crowd: Crowd
  readonly guard: CheckpointGuard
  readonly looks = new Looks()
  /** What the next epoch, or the one under way, has to catch up with. */
  catchUp: CatchUp
  readonly bell: Bell
  readonly flow: Flow
  /** Keyed state of the steps. */
  readonly states = new StepStates()
  readonly time: StageTime
  /** There from `open` on. */
  keeper!: StateKeeper
  readonly at: Int32Array
  /** Null where every step is deterministic. */
  readonly calls: Calls | null
  /** Null where they are not kept. */
  readonly answers: Answers | null
  readonly task: number
  readonly abort: AbortController
  stop: StopReason | null = null
  /** True once an epoch has ended because the worker goes away, or with a problem: no other will come. */
  handedBack = false
  /** It stands at what its ledger holds, beyond the checkpoint, until an epoch has said so. */
  adopted: boolean
  /** The source was in trouble when the last epoch ended, and history says so. */
  inTrouble = false
  private interrupted = 0
  private epoch: number
  private checkpoint: Positions
  private recorded: Readonly<Record<string, LedgerMark>>
  private running: Promise<EpochResult> | undefined
  private closing: Promise<void> | undefined
  private forsaken: NodeJS.Timeout | undefined
  private readonly names: readonly string[]
  private readonly places: readonly FlowPlace[]

  private constructor(parts: SessionParts) {
    const { host, blueprint, stage, claim, sources } = parts
    this.host = host
    this.blueprint = blueprint
    this.claim = claim
    this.order = parts.order
    this.ledgers = parts.ledgers
    this.emitters = parts.emitters
    this.refusals = parts.refusals
    this.catchUp = parts.catchUp
    this.abort = parts.abort
    this.checkpoint = claim.checkpoint.positions
    this.adopted = parts.adopted
    this.epoch = claim.checkpoint.epoch
    this.recorded = claim.checkpoint.ledgers
    this.at = new Int32Array(new SharedArrayBuffer(4))
    this.bell = new Bell()
    const sinks = sinksOf(blueprint, stage)
    this.guard = new CheckpointGuard({
      rails: blueprint.guardRails,
      task: { pipeline: claim.pipeline, stage: claim.stage, partition: claim.partition },
      tell: (failed) => host.tell?.(claim, problemOf(failed, Date.now())),
    })
    const names = sources.map(({ id }) => id)
    this.names = [names.join(', '), ...stage.steps.map((s) => s.id), ...sinks.map((s) => s.id)]
    const task = { pipeline: claim.pipeline, stage: claim.stage, partition: claim.partition }
    this.places = sources.map(({ id }) => ({ ...task, source: id }))
    const [first] = sources
    const [place] = this.places
    if (first === undefined || place === undefined) throw new TypeError(`stage '${stage.id}' has no source`)
    const keyOf = first.definition.key
    this.flow = new Flow(place, keyOf, () => this.step ?? this.flow.place.source)
    const lists = this.ledgers.map(({ head }) => head.rejections)
    const isAdopted = (itemId: string): boolean => this.adopted && this.isDone(itemId, parts.positions)
    this.refusals.restore(lists, this.outlets, (itemId) => this.isDone(itemId, this.checkpoint), isAdopted)
    const pushes: Record<string, Push> = {}
    for (const outlet of this.outlets) {
      for (const sink of outlet.sinks) {
        pushes[sink.id] = outlet.pushFor(sink, this.at, stage.steps.length + sink.tag)
      }
    }
    this.task = host.stalls.register(`${claim.pipeline}/${claim.stage}/${claim.partition}`, this.at, this.names)
    const { flow, at, bell, guard, states } = this
    // Kafka's keys are their bytes; what else a record holds has nothing to do with them.
    const decodeKey = (source: string, bytes: Uint8Array): unknown =>
      sources.find(({ id }) => id === source)?.definition.key?.({ ...NOWHERE, key: bytes })
    const check = parts.facts.keyCheck?.(flow, () => this.step ?? flow.place.source)
    const runtime = { sinks: pushes, at, states, decodeKey, ...(check !== undefined && { mustBeHere: check }) }
    this.answers = parts.answers
    const reuse = { flow, at, task: this.task, bell, guard, stalls: host.stalls, keyOf, answers: parts.answers }
    this.calls = isDeterministic(stage) ? null : new Calls(reuse)
    const { pushes: entries, time } = compileStage(stage, this.calls?.runtime(runtime) ?? runtime)
    this.time = time
    time.senders = parts.facts.senders
    time.anew = Object.entries(claim.origin).every(([id, origin]) => claim.checkpoint.positions[id] === origin)
    const longest = names.reduce((a, b) => (b.length > a.length ? b : a))
    this.crowd = new Crowd(parts.emitters, parts.refusals, `${claim.pipeline}/${claim.stage}/${longest}`)
    this.deadLetters = blueprint.onError.kind === 'deadLetter' ? pushes[blueprint.onError.id] : undefined
    this.inputs = sources.map((source, index) => {
      const push = entries[source.id]
      if (push === undefined) throw new TypeError(`stage '${stage.id}' has no source '${source.id}'`)
      return new Input(source, index, { ...task, source: source.id }, push, { bell, budget: host.budget })
    })
  }

  /** Claims a task for this process: fences, reads receipts, judges them, opens the source (PROTOCOL §2). */
  static async open(host: EngineHost, blueprint: Blueprint, stage: Stage, input: ClaimInput): Promise<Session> {
    const session = new Session(await openSession(host, blueprint, stage, input))
    try {
      const { states, claim, flow, abort } = session
      const { signal } = abort
      session.keeper = await restoreState({ host, states, claim, blueprint, signal, abort, time: () => flow.now })
      session.expectEpoch()
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }

  get owner(): Owner {
    return this.claim.owner
  }

  /** The source that was defined first: what no record gives is said to come from there. */
  get first(): Input {
    const [first] = this.inputs
    if (first === undefined) throw new TypeError('a session has a source')
    return first
  }

  /** Next to read, by source: everything before has been through the steps. */
  get positions(): Positions {
    return positionsOf(this.inputs)
  }

  /** Of the sources, where they have one. */
  get identities(): Readonly<Record<string, string>> {
    const identities: Record<string, string> = {}
    for (const { id, identity } of this.inputs) if (identity !== undefined) identities[id] = identity
    return identities
  }

  /** It stands at these positions, or behind them. */
  has(positions: Positions): boolean {
    return this.inputs.every((input) => input.has(positions[input.id]))
  }

  /** Records left behind, in memory and beyond, as far as the sources say; null: none has. */
  get lag(): number | null {
    const known = this.inputs.flatMap(({ lag }) => (lag === null ? [] : [lag]))
    return known.length === 0 ? null : known.reduce((a, b) => a + b)
  }

  /** What a source runs into, where that is tried again by itself. */
  get trouble(): TidemarkError | null {
    return this.inputs.find(({ prefetch }) => prefetch.trouble !== null)?.prefetch.trouble ?? null
  }

  /** For so long one of them has been in trouble. */
  get troubledMs(): number {
    return Math.max(...this.inputs.map(({ prefetch }) => prefetch.troubledMs))
  }

  /** Records of that source come next. */
  turnTo({ place, definition }: Input): void {
    this.flow.from(place, definition.key, this.inputs.length === 1 ? null : this.positions)
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
    for (const { id, prefetch } of this.inputs) prefetch.checkpointed(positionIn(this.checkpoint, id))
    if (this.interrupted === input.epoch) this.stop ??= 'interrupted'
    const running = runEpoch(this, input)
    this.running = running
    try {
      const result = await this.guard.watch(running)
      this.epoch = input.epoch
      this.checkpoint = result.positions
      this.adopted = false
      this.recorded = { ...this.recorded, ...result.ledgers }
      this.stop = null
      this.handedBack = result.ended === 'released' || result.problem !== undefined
      this.running = undefined
      this.expectEpoch()
      return result
    } catch (error) {
      if (this.guard.stoodStill) {
        // A ledger must not be closed while its commit is under way: it is when that ends.
        void this.close()
        throw error
      }
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

  /** What a step's state is at this moment. Throws `InvalidCommand` where it has none, `SessionLost` where this has ended. */
  look(input: LookInput): Promise<LookResult> {
    return this.looks.at(this, input)
  }

  /** Of the last checkpoint. */
  get recordedEpoch(): number {
    return this.epoch
  }

  /** What reading has failed with, as the end of an epoch that is catching up. */
  lostAgain({ id }: Input, failure: unknown): unknown {
    return lostAgain(this.claim, id, failure)
  }

  /**
   * Ends the session of a task that stands still after that epoch, maybe for good. All its ledgers are left at the
   * checkpoint's position: should history be gone by the next start, they tell all of where it stopped.
   */
  release(epoch: number): Promise<void> {
    this.closing ??= this.settle(epoch).then(() => this.shut())
    return this.closing
  }

  /** Whether an item is of what lies before `positions`. */
  isDone(itemId: string, positions: Positions): boolean {
    for (const place of this.places) {
      const at = positionOfItem(itemId, place)
      const position = positions[place.source]
      if (at !== null && position !== undefined) return (this.order[place.source]?.(at, position) ?? 0) < 0
    }
    return true
  }

  /** Nothing was offered to it between its receipt and here. */
  isBehind({ head }: Ledger): boolean {
    return this.inputs.some(({ id, position }) => head.positions[id] !== position)
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
    if (this.inputs.some(({ id }) => input.positions[id] !== this.checkpoint[id]))
      refuse(`it stands at ${JSON.stringify(this.checkpoint)}`)
  }

  private expectEpoch(): void {
    this.forsaken = setTimeout(() => void this.close(), FORSAKEN_MS)
    this.forsaken.unref()
  }

  private async settle(epoch: number): Promise<void> {
    if (this.running !== undefined || this.catchUp.active || epoch !== this.epoch) return
    const { positions } = this
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
      ...this.inputs.map(({ prefetch }) => prefetch.close()),
      this.keeper?.close(),
      this.answers?.close(),
      ...this.outlets.map((outlet) => outlet.close()),
    ])
  }
}
