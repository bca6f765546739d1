import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import { restoreState } from '../engine/restore-state.js'
import { stageStates } from '../engine/stage-states.js'
import { InvalidCommand } from '../errors/control.js'
import type { TaskAt } from '../errors/ownership.js'
import { StateTooLarge } from '../errors/state.js'
import type { Checkpoint, StateMark } from '../protocol/checkpoint.js'
import type { TakeOverInput } from '../protocol/pipeline.js'
import { ImmovableState, redistribute } from '../state/redistribute.js'
import { inSlices } from '../state/restore.js'
import type { StepStates } from '../state/step-states.js'
import { storeStates } from '../state/store-states.js'
import { eachOf } from './each-of.js'
import { readSavedTask, readSavepoint, type SavedCheckpoint } from './saved-task.js'
import type { WorkerContext } from './worker-context.js'

export interface Rescaling {
  readonly context: WorkerContext
  readonly blueprint: Blueprint
  readonly stage: Stage
  /** All tasks of the stage as the savepoint has them, by partition. */
  readonly saved: readonly Pick<SavedCheckpoint, 'state' | 'place'>[]
  readonly label: string
  /** How many there are to be. */
  readonly count: number
  readonly allowNonRestoredState: boolean
  readonly signal: AbortSignal
}

/** Null: the stage goes on as it is, or with as many partitions as the savepoint has. */
export async function rescaleFor(
  context: WorkerContext,
  blueprint: Blueprint,
  stage: Stage,
  { input: { rewind, allowNonRestoredState }, count }: Pick<TakeOverInput, 'input' | 'count'>,
  signal: AbortSignal,
): Promise<Rescale | null> {
  if (rewind === undefined || !('savepoint' in rewind.to) || count === undefined) return null
  if (stage.sources.every(({ source }) => source.internal !== true)) return null
  const { client } = context
  const { savepoint: label } = rewind.to
  const pipeline = rewind.of ?? blueprint.name
  const { tasks } = await readSavepoint(client, pipeline, label)
  const own = tasks.filter((task) => task.stage === stage.id)
  if (own.length === 0 || own.length === count) return null
  const saved: SavedCheckpoint[] = []
  await eachOf(own, async ({ partition }) => {
    const found = await readSavedTask(client, { pipeline, stage: stage.id, partition }, label)
    if (found !== null) saved[partition] = found
  })
  return new Rescale({
    context,
    blueprint,
    stage,
    saved,
    label,
    count,
    allowNonRestoredState: allowNonRestoredState === true,
    signal,
  })
}

/** The tasks of a stage that was saved with other partitions: each key's state goes where its records will come. */
export class Rescale {
  private readonly rescaling: Rescaling
  private restored: Promise<readonly StepStates[]> | null = null

  constructor(rescaling: Rescaling) {
    this.rescaling = rescaling
  }

  /**
   * What a partition begins with. Throws `StateTooLarge` where that is more than history may hold, `PlanIncompatible`, and
   * `InvalidCommand` where state isn't that of keys.
   */
  async checkpointOf(at: TaskAt): Promise<Checkpoint> {
    const { saved, stage, signal, count } = this.rescaling
    this.restored ??= this.restore()
    const from = await this.restored
    const into = stageStates(stage)
    const partitionOf = this.partitioner()
    const here = (key: Uint8Array): boolean => partitionOf(key, count) === at.partition
    try {
      await inSlices(redistribute(into, from, { before: (key) => partitionOf(key, saved.length), here }), signal)
    } catch (error) {
      if (error instanceof ImmovableState) throw this.refuse(error.message, error)
      throw error
    }
    const times = saved.map(({ state: { checkpoint } }) => checkpoint.watermark ?? -Infinity)
    const watermark = Math.min(...times)
    const plan = saved[0]?.state.checkpoint.plan
    const state = await this.stored(into, at)
    return {
      epoch: Math.max(...saved.map(({ state: { checkpoint } }) => checkpoint.epoch)),
      positions: {},
      ledgers: {},
      identities: {},
      ...(state !== undefined && { state }),
      ...(Number.isFinite(watermark) && { watermark }),
      ...(plan !== undefined && { plan }),
    }
  }

  private partitioner(): (key: Uint8Array, partitions: number) => number {
    const { stage } = this.rescaling
    const other = stage.sources.find(({ source }) => source.internal !== true)
    if (other !== undefined) throw this.refuse(`it reads source '${other.id}', which has partitions of its own`)
    const partitionOf = stage.sources[0]?.source.partitionOf
    if (partitionOf === undefined) throw this.refuse('nobody can tell to which partition a key belongs')
    return partitionOf
  }

  private restore(): Promise<readonly StepStates[]> {
    const { context, blueprint, stage, saved, allowNonRestoredState, signal } = this.rescaling
    const restored = saved.map(async ({ state: { generation, incarnation, origin, checkpoint }, place }) => {
      const states = stageStates(stage)
      const keeper = await restoreState({
        host: context.engine,
        states,
        claim: {
          ...place,
          owner: { generation, incarnation, claim: 0, runId: 'rescale' },
          origin,
          checkpoint,
          scheduled: null,
          fingerprint: '',
          isReset: false,
          ...(allowNonRestoredState && { allowNonRestoredState }),
        },
        blueprint,
        signal,
        time: () => 0,
      })
      await keeper.close()
      return states
    })
    return Promise.all(restored)
  }

  private async stored(states: StepStates, at: TaskAt): Promise<StateMark | undefined> {
    const { context, blueprint, label, count, signal } = this.rescaling
    if (states.size === 0) return undefined
    const { backend, inlineBytes: limit } = blueprint
    if (backend === null) {
      const { length: bytes, buffer, byteOffset } = states.snapshot()
      if (bytes > limit) throw new StateTooLarge({ ...at, bytes, limit })
      const data = Buffer.from(buffer, byteOffset, bytes).toString('base64')
      return { segments: [{ data }], versions: states.versions }
    }
    const { namespace, connection } = context.engine
    const store = await backend.open({ ...at, namespace, connection, signal })
    try {
      return await storeStates(states, store, `${label} ${at.partition} of ${count}`, signal)
    } finally {
      await store.close()
    }
  }

  private refuse(why: string, cause?: unknown): InvalidCommand {
    const { blueprint, stage, saved, count } = this.rescaling
    const reason = `stage '${stage.id}' can't go from ${saved.length} partitions to ${count}: ${why}`
    return new InvalidCommand({ command: 'start', pipeline: blueprint.name, reason }, cause)
  }
}
