import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowExecutionStatusName,
  WorkflowNotFoundError,
} from '@temporalio/client'
import { noCounters } from '../protocol/checkpoint.js'
import { MEMO, type TaskMemo } from '../protocol/messages.js'
import { taskWorkflowId } from '../protocol/names.js'
import { pendingActivity, waitingFor } from './pending.js'
import type { StatusProblem, TaskStateName, TaskStatus } from './status.js'
import { readTaskRecord } from './task-record.js'
import type { TaskQueries } from './workers.js'

export interface TaskRef {
  readonly stage: string
  readonly partition: number
}

/** What the tasks of one status have in common. */
export interface TaskReading {
  readonly client: Client
  readonly pipeline: string
  readonly taskQueue: string
  readonly workers: readonly string[]
  readonly queries: TaskQueries
}

/** Status of one task: memo and pending work from its description, positions and figures from its history. */
export async function readTask(reading: TaskReading, { stage, partition }: TaskRef): Promise<TaskStatus> {
  const { client, pipeline, taskQueue, workers } = reading
  const workflowId = taskWorkflowId(pipeline, stage, partition)
  const found = await describeTask(client, workflowId)
  const blank = blankTask({ stage, partition, workflowId })
  if (found === null) return blank
  const { description, memo } = found
  const running = description.status.name === 'RUNNING'
  const { state, recordedAt } = await readTaskRecord(
    client,
    workflowId,
    description.runId,
    running ? reading.queries : null,
  )
  const told = memo ?? (state === null ? null : { ...state, worker: state.session?.worker ?? null })
  const worker = running ? (told?.worker ?? null) : null
  // A result says how the task ended; a memo, how it stood when it last changed.
  const phase = ENDS[description.status.name] ?? (running ? told?.phase : state?.phase) ?? 'starting'
  const standing = {
    state: phase,
    worker,
    activity: running ? pendingActivity(description.raw) : null,
    waiting: !running
      ? null
      : told?.trouble
        ? `for an end of ${told.trouble.code}: ${told.trouble.message}`
        : waitingFor(description.raw, { queue: taskQueue, workers, worker, now: Date.now() }),
    // An end forgets no pause; it is over all the same.
    paused: phase === 'paused' ? (told?.paused ?? null) : null,
    problem: problemOf(told?.problem ?? null),
  }
  if (state === null) return { ...blank, ...standing }
  const { generation, checkpoint, lag, counters } = state
  const { epoch, positions, watermark = null } = checkpoint
  return { ...blank, generation, epoch, positions, watermark, recordedAt, lag, counters, ...standing }
}

/** A task's description with its memo; null where there is no such workflow. */
export async function describeTask(
  client: Client,
  workflowId: string,
): Promise<{ readonly description: WorkflowExecutionDescription; readonly memo: TaskMemo | null } | null> {
  try {
    const description = await client.workflow.getHandle(workflowId).describe()
    const memo = description.memo?.[MEMO.task] as TaskMemo | undefined
    return { description, memo: memo ?? null }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null
    throw error
  }
}

const ENDS: Partial<Record<WorkflowExecutionStatusName, TaskStateName>> = {
  TERMINATED: 'terminated',
  CANCELLED: 'cancelled',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
}

export function problemOf(problem: StatusProblem | null): StatusProblem | null {
  return problem === null ? null : { code: problem.code, message: problem.message, next: problem.next }
}

function blankTask(at: TaskRef & { readonly workflowId: string }): TaskStatus {
  return {
    ...at,
    state: 'missing',
    generation: 0,
    epoch: 0,
    positions: {},
    watermark: null,
    recordedAt: null,
    lag: null,
    counters: noCounters,
    worker: null,
    activity: null,
    waiting: null,
    paused: null,
    problem: null,
  }
}
