import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import { SavepointNotFound } from '../errors/control.js'
import type { TaskAt } from '../errors/ownership.js'
import { MEMO } from '../protocol/messages.js'
import { savedTaskWorkflowId, savepointWorkflowId } from '../protocol/names.js'
import type { SavedTask, SavepointMemo } from '../protocol/savepoint.js'
import type { TaskState } from '../protocol/task.js'
import { replayTask } from './task-history.js'

/** A savepoint that is whole. Throws `SavepointNotFound`. */
export async function readSavepoint(client: Client, pipeline: string, label: string): Promise<SavepointMemo> {
  try {
    const { status, memo } = await client.workflow.getHandle(savepointWorkflowId(pipeline, label)).describe()
    const found = memo?.[MEMO.savepoint] as SavepointMemo | undefined
    if (status.name === 'RUNNING' && found !== undefined) return found
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
  }
  throw new SavepointNotFound({ pipeline, label })
}

/** A task's checkpoint as a savepoint has it. */
export interface SavedCheckpoint {
  readonly state: TaskState
  readonly saved: SavedTask
  /** Where the state backend has the copies of its segments. */
  readonly place: TaskAt
}

/** Null: the savepoint has no such task. Throws `SavepointNotFound`. */
export async function readSavedTask(client: Client, at: TaskAt, label: string): Promise<SavedCheckpoint | null> {
  const { pipeline, stage, partition } = at
  const savepoint = await readSavepoint(client, pipeline, label)
  const saved = savepoint.tasks.find((task) => task.stage === stage && task.partition === partition)
  if (saved === undefined) return null
  const state = await savedState(client, at, savepoint)
  if (state === null) throw new SavepointNotFound({ pipeline, label })
  return { state, saved, place: savedPlace(at, savepoint) }
}

/** What a savepoint, whole or not, has of a task; null: nothing. */
export async function savedState(client: Client, at: TaskAt, savepoint: SavepointName): Promise<TaskState | null> {
  const { pipeline, stage, partition } = at
  const handle = client.workflow.getHandle(savedTaskWorkflowId(pipeline, savepoint, stage, partition))
  try {
    const { events } = await handle.fetchHistory()
    return await replayTask(client, events ?? [])
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null
    throw error
  }
}

export type SavepointName = Pick<SavepointMemo, 'label' | 'id'>

/** Where the state backend has the copies of a savepoint: no stage's name has a dot. */
export const savedPlace = ({ pipeline, stage, partition }: TaskAt, { label, id }: SavepointName): TaskAt => ({
  pipeline,
  stage: `savepoint.${label}.${id === undefined ? '' : `${id}.`}${stage}`,
  partition,
})
