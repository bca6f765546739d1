import type { Client } from '@temporalio/client'
import { z } from 'zod'
import type { Positions } from '../definition/position.js'
import type { RecordedEpoch } from '../control/task-history.js'
import { taskRuns } from '../control/task-runs.js'
import { InvalidCommand } from '../errors/control.js'
import type { StateMark } from '../protocol/checkpoint.js'
import type { EpochEnd } from '../protocol/epoch.js'
import { taskWorkflowId } from '../protocol/names.js'
import type { EpochMs } from '../units.js'
import { pipelineTasks } from './read-pipeline.js'

export interface CheckpointsOptions {
  /** Those of this stage only. */
  readonly stage?: string
  /** Those of this partition only. */
  readonly partition?: number
  /** At most so many of each task, the newest. Default: all that history still has. */
  readonly limit?: number
}

/** One checkpoint as a task's workflow history has it. */
export interface CheckpointInfo {
  readonly stage: string
  readonly partition: number
  /** The workflow run whose history has it. */
  readonly runId: string
  readonly generation: number
  readonly incarnation: number
  readonly epoch: number
  /** The epoch's fixed time: `ctx.now` of its records. */
  readonly time: EpochMs
  readonly recordedAt: EpochMs
  /** Milliseconds from the epoch's start on a worker until its result was recorded. */
  readonly durationMs: number
  /** Identity of the worker that ran the epoch. */
  readonly worker: string | null
  /** Where the epoch began, by source. */
  readonly from: Positions
  /** Next to read: everything before is done. */
  readonly positions: Positions
  readonly watermark: EpochMs | null
  /** Of this epoch. */
  readonly read: number
  readonly written: number
  readonly skipped: number
  readonly deadLettered: number
  /** Values that came too late for a window or a join. */
  readonly late: number
  readonly lag: number | null
  /** Why the epoch ended where it did. */
  readonly ended: EpochEnd
  /** What the checkpoint takes in history. */
  readonly bytes: number
  /** The state it names, as stored: compressed. */
  readonly stateBytes: number
  /** What of that is new since the checkpoint before. */
  readonly stateAddedBytes: number
  /** Fingerprint of the plan that made it, its first 16 digits; null in checkpoints of older versions. */
  readonly plan: string | null
  /** By ledger: the digest of all outputs since the generation's start, each chained to those before it. */
  readonly digests: Readonly<Record<string, string>>
}

const schema = z.strictObject({
  stage: z.string('must be a name').min(1, 'must not be empty').optional(),
  partition: z.number('must be a number').int().nonnegative().optional(),
  limit: z.number('must be a number').int().positive('must be above 0').optional(),
})

/** Task by task, the newest first; a run's history is read when the loop comes to it. */
export async function* listCheckpoints(
  client: Client,
  pipeline: string,
  options: CheckpointsOptions,
): AsyncGenerator<CheckpointInfo> {
  const { stage, partition, limit = Infinity } = checked(pipeline, options)
  const tasks = await pipelineTasks(client, 'checkpoints', pipeline, { stage, partition })
  for (const task of tasks) {
    let left = limit
    for await (const run of taskRuns(client, taskWorkflowId(pipeline, task.stage, task.partition))) {
      for (const epoch of run.epochs.toReversed()) {
        if (left-- <= 0) break
        yield checkpointInfo(run.runId, epoch)
      }
      if (left <= 0) break
    }
  }
}

export function checkpointInfo(runId: string, epoch: RecordedEpoch): CheckpointInfo {
  const { input, result, before, after, startedAt, recordedAt, worker, bytes } = epoch
  const { stage, partition, generation, incarnation, checkpoint } = after
  return {
    stage,
    partition,
    runId,
    generation,
    incarnation,
    epoch: result.epoch,
    time: input.time,
    recordedAt,
    durationMs: Math.max(0, recordedAt - startedAt),
    worker,
    from: before.checkpoint.positions,
    positions: checkpoint.positions,
    watermark: checkpoint.watermark ?? null,
    read: result.read,
    written: result.written,
    skipped: result.skipped ?? 0,
    deadLettered: result.deadLettered ?? 0,
    late: result.late ?? 0,
    lag: result.lag,
    ended: result.ended,
    bytes,
    stateBytes: sizeOf(checkpoint.state?.segments),
    stateAddedBytes: sizeOf(result.state?.add),
    plan: checkpoint.plan ?? null,
    digests: Object.fromEntries(Object.entries(checkpoint.ledgers).map(([id, { digest }]) => [id, digest])),
  }
}

/** Compressed, as it is kept. */
function sizeOf(segments: StateMark['segments'] = []): number {
  return segments.reduce(
    (sum, segment) => sum + ('data' in segment ? Buffer.byteLength(segment.data, 'base64') : segment.bytes),
    0,
  )
}

function checked(pipeline: string, options: CheckpointsOptions): z.infer<typeof schema> {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  const reason = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'options'} ${message}`).join('; ')
  throw new InvalidCommand({ command: 'checkpoints', pipeline, reason })
}
