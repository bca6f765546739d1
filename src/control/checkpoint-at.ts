import type { Client } from '@temporalio/client'
import { CheckpointNotFound } from '../errors/control.js'
import type { TaskAt } from '../errors/ownership.js'
import { taskWorkflowId } from '../protocol/names.js'
import type { Rewind } from '../protocol/pipeline.js'
import type { TaskState } from '../protocol/task.js'
import type { EpochMs } from '../units.js'
import { readSavedTask } from './saved-task.js'
import { type TaskRun, taskRuns } from './task-runs.js'

/** A checkpoint that histories have. */
export interface FoundCheckpoint {
  /** The task as it was then. */
  readonly state: TaskState
  /** Null for what a run began with. */
  readonly recordedAt: EpochMs | null
  /** The task as its newest run has it. Null: the namespace has none any more, but a savepoint. */
  readonly newest: TaskState | null
  /** Where the state backend has its segments: of the task, or of the savepoint. */
  readonly place: TaskAt
}

/** Whether a rewind is for that task. */
export const isMeant = (rewind: Pick<Rewind, 'stage' | 'partition'>, stage: string, partition: number): boolean =>
  (rewind.stage ?? stage) === stage && (rewind.partition ?? partition) === partition

/** Throws `CheckpointNotFound` where histories don't have it, or no longer; `SavepointNotFound`. */
export async function checkpointAt(client: Client, at: TaskAt, to: Rewind['to'] | 'newest'): Promise<FoundCheckpoint> {
  if (to !== 'newest' && 'savepoint' in to) return await savedAt(client, at, to.savepoint)
  let newest: TaskState | null = null
  let generation = to !== 'newest' && 'epoch' in to ? to.generation : null
  let oldest: TaskState | null = null
  for await (const run of taskRuns(client, taskWorkflowId(at.pipeline, at.stage, at.partition))) {
    newest ??= run.state
    generation ??= run.state.generation
    oldest = run.begun
    if (to === 'newest')
      return { state: run.state, recordedAt: run.epochs.at(-1)?.recordedAt ?? null, newest, place: at }
    const found = 'time' in to ? recordedBy(run, to.time) : endedEpoch(run, generation, to.epoch)
    if (found !== null) return { ...found, newest, place: at }
  }
  const wanted =
    to === 'newest'
      ? 'there'
      : 'time' in to
        ? `as old as ${new Date(to.time).toISOString()}`
        : `epoch ${to.epoch}${generation === null ? '' : ` of generation ${generation}`}`
  const found =
    newest === null || oldest === null ? 'none' : `${nameOf(oldest)} to ${nameOf(newest)} (generation/epoch)`
  throw new CheckpointNotFound({ ...at, wanted, found })
}

/** What a savepoint has needs no history any more. */
async function savedAt(client: Client, at: TaskAt, label: string): Promise<FoundCheckpoint> {
  const found = await readSavedTask(client, at, label)
  if (found === null) {
    const details = { wanted: `in savepoint '${label}'`, found: 'it since that was made' }
    throw new CheckpointNotFound({ ...at, ...details })
  }
  const { state, saved, place } = found
  for await (const run of taskRuns(client, taskWorkflowId(at.pipeline, at.stage, at.partition)))
    return { state, recordedAt: saved.recordedAt, newest: run.state, place }
  return { state, recordedAt: saved.recordedAt, newest: null, place }
}

type Found = Pick<FoundCheckpoint, 'state' | 'recordedAt'>

function endedEpoch({ begun, epochs }: TaskRun, generation: number, epoch: number): Found | null {
  if (begun.generation !== generation) return null
  const found = epochs.find(({ result }) => result.epoch === epoch)
  if (found !== undefined) return { state: found.after, recordedAt: found.recordedAt }
  return begun.checkpoint.epoch === epoch ? { state: begun, recordedAt: null } : null
}

function recordedBy({ epochs }: TaskRun, time: EpochMs): Found | null {
  const found = epochs.findLast(({ recordedAt }) => recordedAt <= time)
  return found === undefined ? null : { state: found.after, recordedAt: found.recordedAt }
}

const nameOf = ({ generation, checkpoint }: TaskState): string => `${generation}/${checkpoint.epoch}`
