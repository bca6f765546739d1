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

/** The task as the savepoint has it, or null: it has no such task. Throws `SavepointNotFound`. */
export async function readSavedTask(
  client: Client,
  { pipeline, stage, partition }: TaskAt,
  label: string,
): Promise<{ readonly state: TaskState; readonly saved: SavedTask } | null> {
  const { tasks } = await readSavepoint(client, pipeline, label)
  const saved = tasks.find((task) => task.stage === stage && task.partition === partition)
  if (saved === undefined) return null
  const handle = client.workflow.getHandle(savedTaskWorkflowId(pipeline, label, stage, partition))
  try {
    const { events } = await handle.fetchHistory()
    const state = await replayTask(client, events ?? [])
    if (state !== null) return { state, saved }
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
  }
  throw new SavepointNotFound({ pipeline, label })
}

/** Where the state backend has the copies of a savepoint: no stage's name has a dot. */
export const savedPlace = ({ pipeline, stage, partition }: TaskAt, label: string): TaskAt => ({
  pipeline,
  stage: `savepoint.${label}.${stage}`,
  partition,
})
