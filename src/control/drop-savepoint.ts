import { WorkflowNotFoundError } from '@temporalio/client'
import { SavepointCopiesLeft, SavepointNotFound } from '../errors/control.js'
import type { TaskAt } from '../errors/ownership.js'
import { savedTaskWorkflowId } from '../protocol/names.js'
import type { SavedTask, SavepointInput } from '../protocol/savepoint.js'
import { eachOf } from './each-of.js'
import { keysOf, listSegments, removeSegments } from './keep-segments.js'
import { readSavepoint, savedPlace, savedState } from './saved-task.js'
import { blueprintIn, type WorkerContext } from './worker-context.js'

/**
 * Takes away all that a savepoint has kept, or as much of it as there is. Throws `SavepointCopiesLeft`, in the end, where the
 * definition no longer has the state backend that copies are in.
 */
export async function dropSavepoint(
  context: WorkerContext,
  savepoint: SavepointInput,
  signal: AbortSignal,
): Promise<void> {
  const { pipeline, label, tasks } = savepoint
  const { backend } = blueprintIn(context, pipeline)
  const known = await savedTasks(context, savepoint)
  const left: (TaskAt & { readonly backend: string | null })[] = []
  await eachOf(tasks, async (task) => {
    const at = { pipeline, ...task }
    const place = savedPlace(at, savepoint)
    const madeWith = known.find(({ stage, partition }) => stage === at.stage && partition === at.partition)?.backend
    // Asked before anything is removed: an attempt that comes again must not take that for what is left.
    const isMoved = backend === null || (madeWith !== undefined && madeWith !== backend.describe)
    if (isMoved && (await isElsewhere(context, at, savepoint, signal)))
      left.push({ ...place, backend: madeWith ?? null })
    await close(context, at, savepoint)
    await removeSegments({ engine: context.engine, blueprint: { backend }, at: place, signal })
  })
  if (left.length > 0) throw new SavepointCopiesLeft({ pipeline, label, places: left })
}

/** What it says of its tasks; nothing, where it isn't whole. */
async function savedTasks(
  { client }: WorkerContext,
  { pipeline, label, id }: SavepointInput,
): Promise<readonly SavedTask[]> {
  try {
    const memo = await readSavepoint(client, pipeline, label)
    return memo.id === id ? memo.tasks : []
  } catch (error) {
    if (error instanceof SavepointNotFound) return []
    throw error
  }
}

/** Whether a task's state has segments that the backend of the definition doesn't. */
async function isElsewhere(
  context: WorkerContext,
  at: TaskAt,
  savepoint: SavepointInput,
  signal: AbortSignal,
): Promise<boolean> {
  const state = await savedState(context.client, at, savepoint)
  const keys = keysOf(state?.checkpoint.state)
  if (keys.length === 0) return false
  const blueprint = blueprintIn(context, at.pipeline)
  const there = await listSegments({ engine: context.engine, blueprint, at: savedPlace(at, savepoint), signal })
  return keys.some((key) => !there.has(key))
}

async function close({ client }: WorkerContext, at: TaskAt, savepoint: SavepointInput): Promise<void> {
  const { pipeline, stage, partition } = at
  try {
    const id = savedTaskWorkflowId(pipeline, savepoint, stage, partition)
    await client.workflow.getHandle(id).terminate('its savepoint is deleted')
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
  }
}
