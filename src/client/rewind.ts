import type { Client } from '@temporalio/client'
import { z } from 'zod'
import { checkpointAt } from '../control/checkpoint-at.js'
import { SEVERAL_STAGES } from '../control/channel-of.js'
import { eachOf } from '../control/each-of.js'
import { readSavedTask } from '../control/saved-task.js'
import type { Positions } from '../definition/position.js'
import { InvalidCommand } from '../errors/control.js'
import type { PipelinePlan, Rewind } from '../protocol/pipeline.js'
import type { Duration, EpochMs } from '../units.js'
import { rewindBasis } from './rewind-basis.js'
import { labelSchema } from './savepoint-label.js'
import type { StartOptions } from './start-options.js'

/** The checkpoint that ended an epoch, of the newest generation by default; the newest that was recorded by a time; or a savepoint. */
export type RewindTo =
  | { readonly epoch: number; readonly generation?: number }
  | { readonly time: Date | EpochMs }
  | { readonly savepoint: string }

export interface RewindOptions extends Omit<StartOptions, 'fresh' | 'from' | 'ifNotRunning'> {
  readonly to: RewindTo
  /** Tasks of this stage only; the others go on where they were. */
  readonly stage?: string
  /** Tasks of this partition only. */
  readonly partition?: number
  /** How long to wait for the end of a pipeline that runs. Default 10 minutes. */
  readonly timeout?: Duration
  /** Told what will be done, before anything is. What it throws keeps it from being done. */
  readonly onPlan?: (plan: RewindPlan) => void
}

export interface ForkOptions extends Omit<RewindOptions, 'to' | 'stage' | 'partition' | 'timeout' | 'onPlan'> {
  readonly from: RewindTo
}

/** One task of a rewind, and what it will do again. */
export interface RewoundTask {
  readonly stage: string
  readonly partition: number
  /** The checkpoint that it goes back to. */
  readonly generation: number
  readonly epoch: number
  /** Null: what a run, or a generation, began with. */
  readonly recordedAt: EpochMs | null
  /** Outputs of all from here … */
  readonly from: Positions
  /** … to here are written again, and so is what was committed behind it since the newest checkpoint. Empty: no history tells any more. */
  readonly to: Positions
  /** Records between them; null where positions aren't numbers, or not known. */
  readonly records: number | null
}

export interface RewindPlan {
  readonly pipeline: string
  /** Of its newest run, or of the savepoint where the namespace no longer has that. */
  readonly taskQueue: string
  /** It is cancelled first: it ends with a checkpoint. */
  readonly running: boolean
  readonly tasks: readonly RewoundTask[]
  /** Where outputs are written again, as the newest run's plan has them, none where that is gone; dead letters go where they went. */
  readonly sinks: readonly {
    readonly stage: string
    readonly id: string
    readonly kind: string
    readonly describe: string
  }[]
}

const schema = z.object({
  to: z.union(
    [
      z.strictObject({ epoch: z.number().int().nonnegative(), generation: z.number().int().positive().optional() }),
      z.strictObject({ time: z.union([z.date(), z.number().int().nonnegative()]) }),
      z.strictObject({ savepoint: labelSchema }),
    ],
    'must be { epoch }, { epoch, generation }, { time } or { savepoint }',
  ),
  stage: z.string('must be a name').min(1, 'must not be empty').optional(),
  partition: z.number('must be a number').int().nonnegative().optional(),
})

/** Throws `InvalidCommand` with all that is wrong. */
export function checkRewind(pipeline: string, options: Pick<RewindOptions, 'to' | 'stage' | 'partition'>): Rewind {
  const parsed = schema.safeParse(options)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'options'} ${message}`)
    throw new InvalidCommand({ command: 'rewind', pipeline, reason: faults.join('; ') })
  }
  const { to, stage, partition } = parsed.data
  return {
    to:
      'savepoint' in to
        ? to
        : 'time' in to
          ? { time: new Date(to.time).getTime() }
          : { epoch: to.epoch, generation: to.generation ?? null },
    stage: stage ?? null,
    partition: partition ?? null,
  }
}

/** What a rewind would do. Throws `CheckpointNotFound` where a task has no such checkpoint, `PipelineNotFound`. */
export async function planRewind(client: Client, pipeline: string, rewind: Rewind): Promise<RewindPlan> {
  const { taskQueue, running, plan, tasks: meant } = await rewindBasis(client, pipeline, rewind)
  const isWhole = 'savepoint' in rewind.to && rewind.stage === null && rewind.partition === null
  const known = plan?.stages.map(({ id }) => id) ?? meant.map(({ stage }) => stage)
  if (new Set(known).size > 1 && !isWhole)
    throw new InvalidCommand({ command: 'rewind', pipeline, reason: SEVERAL_STAGES })
  const tasks: RewoundTask[] = []
  await eachOf(meant, async ({ stage, partition }) => {
    const at = { pipeline, stage, partition }
    if ('savepoint' in rewind.to && (await readSavedTask(client, at, rewind.to.savepoint)) === null) {
      // It came since: all of it is read again.
      const { state: newest } = await checkpointAt(client, at, 'newest')
      const { positions: to } = newest.checkpoint
      tasks.push({ stage, partition, generation: 0, epoch: 0, recordedAt: null, from: {}, to, records: null })
      return
    }
    const { state, recordedAt, newest } = await checkpointAt(client, at, rewind.to)
    const { epoch, positions: from } = state.checkpoint
    const { generation } = state
    const again =
      newest === null
        ? { to: {}, records: null }
        : { to: newest.checkpoint.positions, records: between(from, newest.checkpoint.positions) }
    tasks.push({ stage, partition, generation, epoch, recordedAt, from, ...again })
  })
  const stages = new Set(meant.map(({ stage }) => stage))
  return {
    pipeline,
    taskQueue,
    running,
    tasks: tasks.toSorted((a, b) => a.stage.localeCompare(b.stage) || a.partition - b.partition),
    sinks: sinksIn(plan, stages),
  }
}

function sinksIn(plan: PipelinePlan | null, stages: ReadonlySet<string>): RewindPlan['sinks'] {
  return (plan?.stages ?? [])
    .filter(({ id }) => stages.has(id))
    .flatMap(({ id: stage, sinks }) => sinks.map((sink) => ({ stage, ...sink })))
}

/** Over all sources; null where one's positions aren't numbers. */
export function between(from: Positions, to: Positions): number | null {
  let records = 0n
  for (const [source, start] of Object.entries(from)) {
    const end = to[source] ?? start
    if (!/^\d+$/.test(start) || !/^\d+$/.test(end)) return null
    if (BigInt(end) > BigInt(start)) records += BigInt(end) - BigInt(start)
  }
  return Number(records)
}
