import type { Client } from '@temporalio/client'
import { CheckpointNotFound } from '../errors/control.js'
import { taskWorkflowId } from '../protocol/names.js'
import type { TaskState } from '../protocol/task.js'
import type { RecordedEpoch } from './task-history.js'
import { taskRuns } from './task-runs.js'

export interface TaskRef {
  readonly stage: string
  readonly partition: number
}

/** Epochs of one generation, both ends included. */
export interface EpochRange {
  /** Null: the newest. */
  readonly generation: number | null
  readonly from: number
  /** Null: up to the newest. */
  readonly to: number | null
}

export interface RecordedRange {
  readonly generation: number
  /** Without a gap; none where the task has not come so far. */
  readonly epochs: readonly RecordedEpoch[]
  /** Workflow runs that they were found in. */
  readonly runs: number
  /** What the newest run has come to. */
  readonly newest: TaskState | null
}

/** The epochs of a range that histories have. Throws `CheckpointNotFound` where some of them are gone. */
export async function recordedEpochs(
  client: Client,
  pipeline: string,
  { stage, partition }: TaskRef,
  range: EpochRange,
): Promise<RecordedRange> {
  const found: RecordedEpoch[] = []
  let generation = range.generation
  let newest: TaskState | null = null
  let last = 0
  let runs = 0
  let { from } = range
  for await (const { begun, state, epochs } of taskRuns(client, taskWorkflowId(pipeline, stage, partition))) {
    newest ??= state
    generation ??= state.generation
    if (state.generation < generation) break
    if (begun.generation !== generation) continue
    last = Math.max(last, state.checkpoint.epoch)
    const own = epochs.filter(({ result }) => result.epoch >= range.from && result.epoch <= (range.to ?? Infinity))
    if (own.length > 0) runs++
    found.unshift(...own)
    // A rewind begins its generation in the midst of the numbers: no ledger knows of anything before.
    const first = Object.keys(begun.checkpoint.ledgers).length === 0 ? begun.checkpoint.epoch + 1 : 0
    if (first <= (range.to ?? Infinity)) from = Math.max(from, first)
    if (begun.checkpoint.epoch < range.from) break
  }
  const wanted = Array.from({ length: Math.max(0, Math.min(range.to ?? last, last) - from + 1) }, (_, i) => from + i)
  const missing = wanted.find((epoch, i) => found[i]?.result.epoch !== epoch)
  if (missing !== undefined) {
    const has = found.map(({ result }) => result.epoch)
    const text = has.length === 0 ? `epochs up to ${last}, and no longer those` : `epochs ${has.join(', ')}`
    const details = { wanted: `epoch ${missing}`, found: `${text} of generation ${generation ?? 0}` }
    throw new CheckpointNotFound({ pipeline, stage, partition, ...details })
  }
  return { generation: generation ?? 0, epochs: found, runs, newest }
}
