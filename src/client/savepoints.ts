import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { readSavepoint } from '../control/saved-task.js'
import { CommandTimeout, InvalidCommand, SavepointExists, SavepointNotFound } from '../errors/control.js'
import { isTidemarkError } from '../errors/is.js'
import { MEMO, SIGNAL } from '../protocol/messages.js'
import { SAVEPOINT_WORKFLOW, savepointWorkflowId } from '../protocol/names.js'
import type { SavedTask, SavepointInput, SavepointMemo } from '../protocol/savepoint.js'
import type { Duration, EpochMs } from '../units.js'
import { Patience } from './patience.js'
import { hasEnded, pipelineStateOf } from './pipeline-state.js'
import { describePipelineRun, pipelineTasks } from './read-pipeline.js'
import { readPlan } from './read-plan.js'
import { labelSchema } from './savepoint-label.js'

export interface SavepointOptions {
  /** Drains the pipeline first: where there are several stages, one after the other. Default false. */
  readonly stop?: boolean
  /** How long to wait: for the end, and then until all is kept. Default 10 minutes each. */
  readonly timeout?: Duration
}

/** A checkpoint of every task of a pipeline, with state, under a name. */
export interface SavepointInfo {
  readonly pipeline: string
  readonly label: string
  /** When it was whole. */
  readonly at: EpochMs
  /** State of all tasks, compressed. */
  readonly bytes: number
  readonly tasks: readonly SavedTask[]
}

/** Enough to tell apart all that ever have one label. */
const ID_CHARACTERS = 8

const schema = z.strictObject({
  label: labelSchema,
  stop: z.boolean('must be true or false').optional(),
  timeout: z.unknown().optional(),
})

export async function createSavepoint(
  client: Client,
  pipeline: string,
  label: string,
  options: SavepointOptions,
  stop: (patience: Patience) => Promise<void>,
): Promise<SavepointInfo> {
  const refuse = (reason: string): InvalidCommand => new InvalidCommand({ command: 'savepoint', pipeline, reason })
  const parsed = schema.safeParse({ label, ...options })
  if (!parsed.success) throw refuse(parsed.error.issues.map(({ message }) => message).join('; '))
  const patience = Patience.of('savepoint', options.timeout, '10m')
  const before = await describePipelineRun(client, pipeline)
  const isUp = !hasEnded(pipelineStateOf(before.description.status.name, before.memo))
  const several = await hasSeveralStages(client, pipeline)
  if (isUp && several && options.stop !== true)
    throw refuse('the stages of a pipeline that runs are never at one moment: stop it with its savepoint (--stop)')
  if ((await stateOf(client, pipeline, label)) !== 'none') throw new SavepointExists({ pipeline, label })
  if (isUp && options.stop === true) await stop(patience)
  const tasks = await pipelineTasks(client, 'savepoint', pipeline)
  if (tasks.length === 0) throw refuse('it has no tasks yet')
  const { runId, taskQueue } = (await describePipelineRun(client, pipeline)).description
  const id = randomUUID().slice(0, ID_CHARACTERS)
  const input: SavepointInput = { pipeline, label, id, tasks, atRest: several ? runId : null }
  await begin(client, input, taskQueue)
  return await whole(client, pipeline, label, Patience.of('savepoint', options.timeout, '10m'))
}

/** As it is planned; where the newest start came to no plan, as the tasks before were. */
async function hasSeveralStages(client: Client, pipeline: string): Promise<boolean> {
  const plan = await readPlan(client, pipeline)
  const stages =
    plan?.stages.map(({ id }) => id) ?? (await pipelineTasks(client, 'savepoint', pipeline)).map(({ stage }) => stage)
  return new Set(stages).size > 1
}

async function begin(client: Client, input: SavepointInput, taskQueue: string): Promise<void> {
  const { pipeline, label } = input
  try {
    await client.workflow.start(SAVEPOINT_WORKFLOW, {
      workflowId: savepointWorkflowId(pipeline, label),
      taskQueue,
      args: [input],
      // One that came to nothing is made again.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: `savepoint ${label} of ${pipeline}`,
    })
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw new SavepointExists({ pipeline, label }, error)
    throw error
  }
}

/** Waits until it is kept. What isn't in time is taken back. */
async function whole(client: Client, pipeline: string, label: string, patience: Patience): Promise<SavepointInfo> {
  const handle = client.workflow.getHandle(savepointWorkflowId(pipeline, label))
  const left = await patience.untilNone(async () =>
    (await stateOf(client, pipeline, label)) === 'making' ? [`savepoint '${label}'`] : [],
  )
  if (left.length > 0) {
    await handle.signal(SIGNAL.dropSavepoint)
    const { timeoutMs } = patience
    throw new CommandTimeout({ command: 'savepoint', pipeline, timeoutMs, accepted: false, waitingFor: left })
  }
  if ((await stateOf(client, pipeline, label)) === 'none')
    throw (await failureOf(handle)) ?? new SavepointNotFound({ pipeline, label })
  return infoOf(await readSavepoint(client, pipeline, label))
}

/** Why it came to nothing, or could not be taken away; null: it could. */
async function failureOf(handle: { readonly result: () => Promise<unknown> }): Promise<unknown> {
  try {
    await handle.result()
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? (error.cause ?? error) : error
    // Gives it code, next and details, where it is one of this library's.
    isTidemarkError(cause)
    return cause
  }
  return null
}

export async function* listSavepoints(client: Client, pipeline: string): AsyncGenerator<SavepointInfo> {
  const prefix = savepointWorkflowId(pipeline, '')
  const query = `WorkflowType = '${SAVEPOINT_WORKFLOW}' AND ExecutionStatus = 'Running'`
  const found: SavepointInfo[] = []
  for await (const { workflowId, memo } of client.workflow.list({ query })) {
    const told = memo?.[MEMO.savepoint] as SavepointMemo | undefined
    if (workflowId.startsWith(prefix) && told !== undefined) found.push(infoOf(told))
  }
  yield* found.toSorted((a, b) => a.label.localeCompare(b.label))
}

export async function deleteSavepoint(
  client: Client,
  pipeline: string,
  label: string,
  { timeout }: { readonly timeout?: Duration },
): Promise<void> {
  const patience = Patience.of('delete', timeout, '10m')
  const before = labelSchema.safeParse(label).success ? await stateOf(client, pipeline, label) : 'none'
  if (before === 'none') throw new SavepointNotFound({ pipeline, label })
  const workflowId = savepointWorkflowId(pipeline, label)
  const { runId } = await client.workflow.getHandle(workflowId).describe()
  const handle = client.workflow.getHandle(workflowId, runId)
  try {
    await handle.signal(SIGNAL.dropSavepoint)
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new SavepointNotFound({ pipeline, label }, error)
    throw error
  }
  const waitingFor = await patience.untilNone(async () =>
    (await stateOf(client, pipeline, label)) === 'none' ? [] : [`savepoint '${label}'`],
  )
  if (waitingFor.length === 0) {
    const failure = await failureOf(handle)
    // One that came to nothing by itself is gone as well.
    if (failure !== null && (before === 'whole' || isTidemarkError(failure, 'SavepointCopiesLeft'))) throw failure
    return
  }
  const { timeoutMs } = patience
  throw new CommandTimeout({ command: 'savepoint delete', pipeline, timeoutMs, accepted: true, waitingFor })
}

async function stateOf(client: Client, pipeline: string, label: string): Promise<'none' | 'making' | 'whole'> {
  try {
    const { status, memo } = await client.workflow.getHandle(savepointWorkflowId(pipeline, label)).describe()
    if (status.name !== 'RUNNING') return 'none'
    return memo?.[MEMO.savepoint] === undefined ? 'making' : 'whole'
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'none'
    throw error
  }
}

function infoOf({ pipeline, label, at, tasks }: SavepointMemo): SavepointInfo {
  return { pipeline, label, at, bytes: tasks.reduce((sum, { bytes }) => sum + bytes, 0), tasks }
}
