import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { Positions } from '../definition/position.js'
import type { Bounds, StartAt } from '../definition/source.js'
import { InvalidCommand } from '../errors/control.js'
import type { TaskAt } from '../errors/ownership.js'
import { LedgerAhead } from '../errors/sink.js'
import type { Checkpoint, LedgerMarks } from '../protocol/checkpoint.js'
import { atRest, newTask } from '../protocol/new-task.js'
import type { Rewind, TakeOverInput, TakeOverResult } from '../protocol/pipeline.js'
import type { TaskState } from '../protocol/task.js'
import { torn } from './channel-of.js'
import { checkpointAt, isMeant } from './checkpoint-at.js'
import { eachOf } from './each-of.js'
import { dropSegments, keepSegments } from './keep-segments.js'
import { type Rescale, rescaleFor } from './rescale.js'
import { readSavedTask } from './saved-task.js'
import { TaskPast } from './task-past.js'
import { blueprintIn, stageIn, type WorkerContext } from './worker-context.js'

/**
 * Where each task of a stage goes on. First the old run is closed, then its history is read (PROTOCOL §1 "Starting"):
 * the other way round it could still record a checkpoint. A fresh start begins a generation above whatever history and
 * ledgers show. The answer's incarnations are the old ones: the workflow raises them over all tasks together.
 */
export async function takeOver(
  context: WorkerContext,
  input: TakeOverInput,
  signal: AbortSignal,
): Promise<TakeOverResult> {
  const blueprint = blueprintIn(context, input.pipeline)
  const stage = stageIn(blueprint, input.stage)
  const tasks: TaskState[] = []
  const rescale = await rescaleFor(context, blueprint, stage, input, signal)
  const takeOverOf = (partition: number): TaskTakeOver =>
    new TaskTakeOver(context, blueprint, stage, input, partition, signal, rescale)
  // A stage that has run before has met its first partition: others without a past were added since.
  const begunBefore = input.late || (!input.input.fresh && (await takeOverOf(0).past.exists()))
  await eachOf(input.partitions, async (partition) => {
    tasks.push(await takeOverOf(partition).state(begunBefore))
  })
  return { tasks: tasks.toSorted((a, b) => a.partition - b.partition) }
}

class TaskTakeOver {
  readonly past: TaskPast
  private readonly context: WorkerContext
  private readonly blueprint: Blueprint
  private readonly stage: Stage
  private readonly input: TakeOverInput
  private readonly partition: number
  private readonly signal: AbortSignal
  /** Present: the stage was saved with another number of partitions. */
  private readonly rescale: Rescale | null

  constructor(
    context: WorkerContext,
    blueprint: Blueprint,
    stage: Stage,
    input: TakeOverInput,
    partition: number,
    signal: AbortSignal,
    rescale: Rescale | null,
  ) {
    this.rescale = rescale
    this.context = context
    this.blueprint = blueprint
    this.stage = stage
    this.input = input
    this.partition = partition
    this.signal = signal
    this.past = new TaskPast(context, blueprint, stage, partition, signal)
  }

  /** `begunBefore`: a task without a past begins at earliest, as one that was discovered late (PROTOCOL §1). */
  async state(begunBefore: boolean): Promise<TaskState> {
    await this.past.closeRun()
    const last = await this.past.last()
    // Lost while its pipeline runs: neither a fresh generation nor other ends are due to it.
    if (last !== null && last.incarnation === this.input.incarnation) return this.begun(last)
    const { fresh, from, rewind } = this.input.input
    // A partition that was added meanwhile has nothing to go back to. A savepoint knows itself what it has.
    const isTold = rewind !== undefined && (rewind.of !== undefined || 'savepoint' in rewind.to)
    const added = last === null && (isTold ? this.input.late : begunBefore)
    if (rewind !== undefined && isMeant(rewind, this.stage.id, this.partition) && !added)
      return this.rewound(rewind, last)
    if (fresh) return this.freshState(last, this.input.late)
    if (last !== null && this.blueprint.stages.length > 1 && last.channel !== this.input.channel)
      throw torn(this.blueprint.name, last, this.input.channel)
    const known = last ?? (await this.adopted())
    if (known === null) return this.freshState(null, begunBefore)
    if (from !== null && !this.input.late) {
      const reason = `'from' is for a first or a fresh start: partition ${this.partition} goes on from ${JSON.stringify(known.checkpoint.positions)}`
      throw new InvalidCommand({ command: 'start', pipeline: this.blueprint.name, reason })
    }
    return this.begun(await this.withNewSources({ ...known, until: await this.until(), ...this.allowed }))
  }

  /** Sources that the pipeline didn't have before begin where their options say. */
  private async withNewSources(state: TaskState): Promise<TaskState> {
    const { origin, checkpoint } = state
    if (this.stage.sources.every(({ id }) => checkpoint.positions[id] !== undefined)) return state
    const starts = mapValues(await this.bounds(null), ({ start }) => start)
    const positions = { ...starts, ...checkpoint.positions }
    return { ...state, origin: { ...starts, ...origin }, checkpoint: { ...checkpoint, positions } }
  }

  /** A generation of its own, above all that history and ledgers show. */
  private async freshState(last: TaskState | null, atEarliest: boolean): Promise<TaskState> {
    const above = await this.past.above(last)
    const bounds = await this.bounds(atEarliest ? 'earliest' : this.input.input.from)
    const origin = mapValues(bounds, ({ start }) => start)
    const identities: Record<string, string> = {}
    for (const [id, { identity }] of Object.entries(bounds)) if (identity !== undefined) identities[id] = identity
    await this.leave(last)
    return this.begun({
      ...this.blank(origin),
      ...above,
      checkpoint: { epoch: 0, positions: origin, ledgers: {}, identities },
      until: this.untilIn(bounds),
    })
  }

  /** The state at an older checkpoint, as the beginning of a generation: outputs behind it are written again. */
  private async rewound(rewind: Rewind, last: TaskState | null): Promise<TaskState> {
    const at = { pipeline: this.blueprint.name, stage: this.stage.id, partition: this.partition }
    const found = await (this.rescale?.checkpointOf(at) ?? this.checkpointIn(rewind, at))
    // Where a savepoint had no such partition, all that is in it came later.
    if (found === null) return this.freshState(last, true)
    const { ledgers: _, ...checkpoint } = found
    const begins = await this.newChannels()
    const positions = { ...checkpoint.positions, ...mapValues(begins, ({ start }) => start) }
    const identities = { ...checkpoint.identities, ...mapValues(begins, ({ identity = '' }) => identity) }
    const strange = this.stage.sources.find(({ id }) => positions[id] === undefined)
    if (strange !== undefined) {
      const reason = `the checkpoint has no position of source '${strange.id}': it has ${Object.keys(positions).join(', ')}`
      throw new InvalidCommand({ command: 'start', pipeline: at.pipeline, reason })
    }
    const above = await this.past.above(last)
    const until = await this.until()
    await this.leave(last)
    return this.begun({
      ...this.blank(positions),
      ...above,
      checkpoint: { ...checkpoint, positions, identities, ledgers: {} },
      until,
      ...this.allowed,
    })
  }

  /** The new generation may be a mistake: its sessions know nothing of what the old one had, and would delete it as long dropped. */
  private async leave(last: TaskState | null): Promise<void> {
    const { blueprint, stage, partition, signal, context } = this
    const at = { pipeline: blueprint.name, stage: stage.id, partition }
    await dropSegments({ engine: context.engine, blueprint, at, signal }, last?.checkpoint.state)
  }

  /** With its segments where the task's are. Null: a savepoint has no such task. */
  private async checkpointIn({ to, of: whose }: Rewind, at: TaskAt): Promise<Checkpoint | null> {
    const { client, engine } = this.context
    const of = { ...at, pipeline: whose ?? at.pipeline }
    if ('savepoint' in to && (await readSavedTask(client, of, to.savepoint)) === null) return null
    const { state, place } = await checkpointAt(client, of, to)
    const { checkpoint } = state
    await keepSegments({ engine, blueprint: this.blueprint, at, of: place, signal: this.signal }, checkpoint.state)
    return checkpoint
  }

  /** What lies between the stages is another one than the checkpoint's: it is read from its beginning. */
  private async newChannels(): Promise<Readonly<Record<string, Bounds>>> {
    const internal = this.stage.sources.filter(({ source }) => source.internal === true).map(({ id }) => id)
    if (internal.length === 0) return {}
    return Object.fromEntries(Object.entries(await this.bounds(null)).filter(([id]) => internal.includes(id)))
  }

  private get allowed(): Pick<TaskState, 'allowNonRestoredState'> {
    const { allowNonRestoredState } = this.input.input
    return allowNonRestoredState === undefined ? {} : { allowNonRestoredState }
  }

  /** History is gone, the ledger isn't: a stateless stage may go on from its receipt. Null: there is none either. */
  private async adopted(): Promise<TaskState | null> {
    const receipts = [...(await this.past.receipts())].flatMap(([id, receipt]) =>
      receipt === null ? [] : [{ id, receipt }],
    )
    const [first] = receipts
    if (first === undefined) return null
    const { owner, positions } = first.receipt
    const differing = receipts.find(({ receipt }) => JSON.stringify(receipt.positions) !== JSON.stringify(positions))
    // Positions can be adopted; what steps had made of all before them is gone with history.
    const hadState = this.stage.steps.some(({ step }) => step.state !== undefined)
    if (differing !== undefined || hadState) {
      const other = differing ?? first
      throw new LedgerAhead({
        pipeline: this.blueprint.name,
        stage: this.stage.id,
        partition: this.partition,
        sink: other.id,
        ledgerEpoch: other.receipt.epoch,
        ledgerTime: other.receipt.time,
        ledgerGeneration: other.receipt.owner.generation,
        epoch: 0,
        scheduledTime: null,
        generation: 0,
      })
    }
    const epochs = receipts.map(({ receipt }) => receipt.epoch ?? 0)
    const ledgers: LedgerMarks = Object.fromEntries(
      receipts.map(({ id, receipt }) => [id, { seq: receipt.seq, digest: receipt.digest }]),
    )
    return this.begun({
      ...this.blank(positions),
      generation: owner.generation,
      incarnation: Math.max(...receipts.map(({ receipt }) => receipt.owner.incarnation)),
      // The others had nothing to commit in the newest of these epochs.
      checkpoint: { epoch: Math.max(...epochs), positions, ledgers, identities: {} },
      until: await this.until(),
    })
  }

  private async until(): Promise<Positions | null> {
    return this.input.input.until === null ? null : this.untilIn(await this.bounds(null))
  }

  /** What other stages write has no end yet. */
  private untilIn(bounds: Readonly<Record<string, Bounds>>): Positions | null {
    if (this.input.input.until === null) return null
    const own = this.stage.sources.filter(({ channel }) => channel === undefined)
    if (own.length === 0) return null
    return Object.fromEntries(own.flatMap(({ id }) => (bounds[id] === undefined ? [] : [[id, bounds[id].end]])))
  }

  private async bounds(startAt: StartAt | null): Promise<Readonly<Record<string, Bounds>>> {
    const bounds: Record<string, Bounds> = {}
    for (const { id, source } of this.stage.sources) {
      const base = {
        pipeline: this.blueprint.name,
        source: id,
        namespace: this.context.engine.namespace,
        signal: this.signal,
        connection: this.context.engine.connection,
        partition: this.partition,
        ...(this.input.channel !== undefined && { channel: this.input.channel }),
      }
      // What lies in it of the generation before is not for this one.
      const internal = this.input.input.fresh && !this.input.late ? 'latest' : 'earliest'
      const at = source.internal === true ? internal : startAt
      bounds[id] = await source.bounds(at === null ? base : { ...base, startAt: at })
    }
    return bounds
  }

  private blank(origin: Positions): TaskState {
    const { blueprint, stage, partition, input } = this
    return newTask({ pipeline: blueprint.name, stage: stage.id, partition, settings: input.settings, origin })
  }

  private begun(given: TaskState): TaskState {
    const { stops: _, ...state } = given
    const { settings, channel } = this.input
    return { ...state, ...atRest, settings, ownerRunId: null, ...(channel !== undefined && { channel }) }
  }
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, fn: (value: A) => B): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fn(value)]))
}
