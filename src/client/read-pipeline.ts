import {
  type Client,
  TerminatedFailure,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { eachOf } from '../control/each-of.js'
import { reasonOf } from '../errors/base.js'
import { errorCatalog, type ErrorCode } from '../errors/catalog.js'
import { InvalidCommand, PipelineNotFound } from '../errors/control.js'
import { counted, type Counters, noCounters } from '../protocol/checkpoint.js'
import { MEMO, type PipelineMemo } from '../protocol/messages.js'
import { pipelineWorkflowId } from '../protocol/names.js'
import { waitingFor } from './pending.js'
import { pipelineStateOf } from './pipeline-state.js'
import { problemOf, readTask } from './read-task.js'
import type { PipelineStatus, StatusProblem, TaskStatus } from './status.js'
import { TaskQueries, workersOf } from './workers.js'

/** Status of a pipeline and all its tasks. Throws `PipelineNotFound`. */
export async function readPipeline(client: Client, name: string): Promise<PipelineStatus> {
  const { description, memo } = await describePipelineRun(client, name)
  const { runId, taskQueue, startTime, closeTime } = description
  const running = description.status.name === 'RUNNING'
  const workers = await workersOf(client, taskQueue)
  const queries = new TaskQueries(client, workers.length > 0)
  const tasks: TaskStatus[] = []
  await eachOf(memo?.tasks ?? [], async (task) => {
    tasks.push(await readTask({ client, pipeline: name, taskQueue, workers, queries }, task))
  })
  const lags = tasks.flatMap(({ lag }) => (lag === null ? [] : [lag]))
  return {
    name,
    workflowId: pipelineWorkflowId(name),
    runId,
    taskQueue,
    state: pipelineStateOf(description.status.name, memo),
    guarantee: memo?.guarantee ?? null,
    incarnation: memo?.incarnation ?? 0,
    startedAt: startTime.getTime(),
    endedAt: closeTime?.getTime() ?? null,
    paused: memo?.paused ?? null,
    problem: running ? problemOf(memo?.problem ?? null) : await failureOf(client, description),
    waiting: running ? waitingFor(description.raw, { queue: taskQueue, workers, worker: null, now: Date.now() }) : null,
    lag: lags.length === 0 ? null : lags.reduce((sum, lag) => sum + lag, 0),
    counters: totalOf(tasks),
    workers,
    tasks: tasks.toSorted((a, b) => a.stage.localeCompare(b.stage) || a.partition - b.partition),
  }
}

/** Tasks of a pipeline as its newest run that had any has them: all, of a stage, of a partition, or both. Throws `InvalidCommand` where there are none. */
export async function pipelineTasks(
  client: Client,
  command: string,
  pipeline: string,
  { stage, partition }: { readonly stage?: string | undefined; readonly partition?: number | undefined } = {},
): Promise<PipelineMemo['tasks']> {
  const memo = (await describePipelineRun(client, pipeline)).memo ?? (await earlierMemo(client, pipeline))
  // Not planned yet: nobody knows which tasks there will be.
  if (memo === null) return []
  const tasks = memo.tasks.filter(
    (task) => (stage ?? task.stage) === task.stage && (partition ?? task.partition) === task.partition,
  )
  if (tasks.length === 0 && (stage !== undefined || partition !== undefined)) {
    throw new InvalidCommand({ command, pipeline, reason: 'there is no such task' })
  }
  return tasks
}

/** A start that failed before it had tasks, as a rewind may, leaves those of the run before it as they were. */
async function earlierMemo(client: Client, name: string): Promise<PipelineMemo | null> {
  let found: { readonly memo: PipelineMemo; readonly at: number } | null = null
  for await (const run of client.workflow.list({ query: `WorkflowId = '${pipelineWorkflowId(name)}'` })) {
    const memo = run.memo?.[MEMO.pipeline] as PipelineMemo | undefined
    const at = run.startTime.getTime()
    if (memo !== undefined && (found === null || at > found.at)) found = { memo, at }
  }
  return found?.memo ?? null
}

/** The newest run of a pipeline's workflow. Throws `PipelineNotFound`. */
export async function describePipelineRun(
  client: Client,
  name: string,
): Promise<{ readonly description: WorkflowExecutionDescription; readonly memo: PipelineMemo | null }> {
  try {
    const description = await client.workflow.getHandle(pipelineWorkflowId(name)).describe()
    const memo = description.memo?.[MEMO.pipeline] as PipelineMemo | undefined
    return { description, memo: memo ?? null }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new PipelineNotFound({ pipeline: name }, error)
    throw error
  }
}

/** Why a run has ended, where that is not as it should be. */
async function failureOf(
  client: Client,
  { workflowId, runId, status }: WorkflowExecutionDescription,
): Promise<StatusProblem | null> {
  if (status.name === 'COMPLETED' || status.name === 'CANCELLED') return null
  try {
    await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result()
    return null
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : error
    if (cause instanceof ApplicationFailure) return known(cause.type ?? 'Error', cause.message)
    const code = cause instanceof TerminatedFailure ? 'Terminated' : 'TimedOut'
    const next = 'start it again: it goes on from the last checkpoint'
    return { code, message: `its workflow was ended from outside: ${reasonOf(cause)}`, next }
  }
}

function known(code: string, message: string): StatusProblem {
  const next = Object.hasOwn(errorCatalog, code) ? errorCatalog[code as ErrorCode].next : 'see the worker log'
  return { code, message, next }
}

function totalOf(tasks: readonly TaskStatus[]): Counters {
  return tasks.reduce((sum, { counters }) => counted(sum, counters), noCounters)
}
