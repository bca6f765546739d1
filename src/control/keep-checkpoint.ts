import { NotAligned, SavepointNotFound } from '../errors/control.js'
import type { TaskAt } from '../errors/ownership.js'
import type { StateMark } from '../protocol/checkpoint.js'
import { MEMO } from '../protocol/messages.js'
import { pipelineWorkflowId, SAVED_TASK_WORKFLOW, savedTaskWorkflowId, savepointWorkflowId } from '../protocol/names.js'
import { atRest } from '../protocol/new-task.js'
import type { KeepInput, SavedTask } from '../protocol/savepoint.js'
import type { TaskState } from '../protocol/task.js'
import { checkpointAt } from './checkpoint-at.js'
import { keepSegments, keysOf, removeSegments } from './keep-segments.js'
import { savedPlace } from './saved-task.js'
import { blueprintIn, stageIn, type WorkerContext } from './worker-context.js'

/**
 * Puts a task's newest checkpoint where neither the namespace's retention nor the sweep of its state backend reaches it: into
 * a workflow that stays open, its segments beside those of tasks. Done again, it begins anew. `runId`: of the savepoint, which
 * is asked whether it is still being made. Throws `NotAligned` where the pipeline has several stages and they don't stand where
 * one has read all of the one before.
 */
export async function keepCheckpoint(
  context: WorkerContext,
  input: KeepInput,
  runId: string,
  signal: AbortSignal,
): Promise<SavedTask> {
  const { client, engine } = context
  const { pipeline, stage, partition, label } = input
  const blueprint = blueprintIn(context, pipeline)
  const at = { pipeline, stage, partition }
  const { state, recordedAt } = await checkpointAt(client, at, 'newest')
  if (blueprint.stages.length > 1) await requireAligned(context, input, state, signal)
  const { generation, checkpoint } = state
  const place = savedPlace(at, input)
  await keepSegments({ engine, blueprint, of: at, at: place, signal }, checkpoint.state)
  await requireMaking(context, input, runId, () => removeSegments({ engine, blueprint, at: place, signal }))
  await client.workflow.start(SAVED_TASK_WORKFLOW, {
    workflowId: savedTaskWorkflowId(pipeline, input, stage, partition),
    taskQueue: context.taskQueue,
    args: [{ ...state, ...atRest }],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    staticSummary: `savepoint ${label} of ${pipeline}: stage ${stage}, partition ${partition}`,
  })
  const { backend } = blueprint
  const copied = backend !== null && keysOf(checkpoint.state).length > 0
  const bytes = bytesOf(checkpoint.state)
  const { epoch } = checkpoint
  return { stage, partition, generation, epoch, recordedAt, bytes, ...(copied && { backend: backend.describe }) }
}

/** An attempt that stood still until another one was through, or until it was deleted, leaves all as it is. */
async function requireMaking(
  { client }: WorkerContext,
  { pipeline, label, id }: KeepInput,
  runId: string,
  takeBack: () => Promise<void>,
): Promise<void> {
  const { status, memo } = await client.workflow.getHandle(savepointWorkflowId(pipeline, label), runId).describe()
  if (status.name === 'RUNNING' && memo?.[MEMO.savepoint] === undefined) return
  // Nobody else will: what it is kept for is gone.
  if (status.name !== 'RUNNING' && id !== undefined) await takeBack()
  throw new SavepointNotFound({ pipeline, label })
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
