import { WorkflowNotFoundError } from '@temporalio/client'
import { NotAligned } from '../errors/control.js'
import type { TaskAt } from '../errors/ownership.js'
import type { StateMark } from '../protocol/checkpoint.js'
import { pipelineWorkflowId, SAVED_TASK_WORKFLOW, savedTaskWorkflowId } from '../protocol/names.js'
import { atRest } from '../protocol/new-task.js'
import type { KeepInput, SavedTask, SavepointInput } from '../protocol/savepoint.js'
import type { TaskState } from '../protocol/task.js'
import { checkpointAt } from './checkpoint-at.js'
import { eachOf } from './each-of.js'
import { keepSegments, removeSegments } from './keep-segments.js'
import { savedPlace } from './saved-task.js'
import { blueprintIn, stageIn, type WorkerContext } from './worker-context.js'

/**
 * Puts a task's newest checkpoint where neither the namespace's retention nor the sweep of its state backend reaches it: into
 * a workflow that stays open, its segments beside those of tasks. Done again, it begins anew. Throws `NotAligned` where the
 * pipeline has several stages and they don't stand where one has read all of the one before.
 */
export async function keepCheckpoint(
  context: WorkerContext,
  input: KeepInput,
  signal: AbortSignal,
): Promise<SavedTask> {
  const { client, engine } = context
  const { pipeline, stage, partition, label } = input
  const blueprint = blueprintIn(context, pipeline)
  const at = { pipeline, stage, partition }
  const { state, recordedAt } = await checkpointAt(client, at, 'newest')
  if (blueprint.stages.length > 1) await requireAligned(context, input, state, signal)
  const { generation, checkpoint } = state
  await keepSegments({ engine, blueprint, of: at, at: savedPlace(at, label), signal }, checkpoint.state)
  await client.workflow.start(SAVED_TASK_WORKFLOW, {
    workflowId: savedTaskWorkflowId(pipeline, label, stage, partition),
    taskQueue: context.taskQueue,
    args: [{ ...state, ...atRest }],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    staticSummary: `savepoint ${label} of ${pipeline}: stage ${stage}, partition ${partition}`,
  })
  return { stage, partition, generation, epoch: checkpoint.epoch, recordedAt, bytes: bytesOf(checkpoint.state) }
}

/** Takes away all that a savepoint has kept, or as much of it as there is. */
export async function dropSavepoint(
  context: WorkerContext,
  { pipeline, label, tasks }: SavepointInput,
  signal: AbortSignal,
): Promise<void> {
  const blueprint = blueprintIn(context, pipeline)
  const { engine } = context
  await eachOf(tasks, async (task) => {
    const { stage, partition } = task
    try {
      const id = savedTaskWorkflowId(pipeline, label, stage, partition)
      await context.client.workflow.getHandle(id).terminate('its savepoint is deleted')
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error
    }
    await removeSegments({ engine, blueprint, at: savedPlace({ pipeline, ...task }, label), signal })
  })
}

/** All stages at rest, none with an epoch half done, and all that lies between two of them has been read. */
async function requireAligned(
  context: WorkerContext,
  { pipeline, stage, partition, atRest: runId }: KeepInput,
  { phase, scheduled, checkpoint, channel }: TaskState,
  signal: AbortSignal,
): Promise<void> {
  const at: TaskAt = { pipeline, stage, partition }
  const refuse = (reason: string): never => {
    throw new NotAligned({ ...at, reason })
  }
  if (scheduled !== null) refuse('an epoch of it is not done')
  if (!AT_REST.includes(phase)) refuse(`it is ${phase}`)
  for (const { id, source } of stageIn(blueprintIn(context, pipeline), stage).sources) {
    if (source.internal !== true) continue
    const { namespace, connection } = context.engine
    const asked = { pipeline, source: id, namespace, partition, signal, connection }
    const { end } = await source.bounds(channel === undefined ? asked : { ...asked, channel })
    const position = checkpoint.positions[id] ?? '0'
    const left = source.compare?.(position, end) ?? Number(BigInt(position) - BigInt(end))
    if (left < 0) refuse(`it has read what '${id}' has between two stages up to ${position}, and not to its end ${end}`)
  }
  // Looked at last: whatever was read above had come to rest before a newer run could have moved it.
  const { runId: newest, status } = await context.client.workflow.getHandle(pipelineWorkflowId(pipeline)).describe()
  if (status.name === 'RUNNING' || newest !== runId) refuse('the pipeline runs')
}

const AT_REST: readonly string[] = ['drained', 'completed']

function bytesOf({ segments }: StateMark = { segments: [], versions: {} }): number {
  return segments.reduce((sum, one) => sum + ('data' in one ? Buffer.byteLength(one.data, 'base64') : one.bytes), 0)
}
