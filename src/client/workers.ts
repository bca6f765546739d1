import type { Client } from '@temporalio/client'
import { epochMs } from '../control/task-history.js'
import { QUERY } from '../protocol/messages.js'
import type { TaskState } from '../protocol/task.js'

/** The server keeps pollers for five minutes; one that lives polls again within its long poll of 60 s. */
const POLLED_WITHIN_MS = 75_000
/** A worker that is up answers in tens of milliseconds; one that has just died leaves its queries hanging. */
const ANSWER_MS = 2_000
/** TASK_QUEUE_TYPE_WORKFLOW of Temporal's API. */
const WORKFLOWS = 1

/** Identities of the workers that have polled a task queue for workflows of late, sorted. */
export async function workersOf(client: Client, taskQueue: string): Promise<string[]> {
  const { namespace } = client.options
  const request = { namespace, taskQueue: { name: taskQueue }, taskQueueType: WORKFLOWS }
  const { pollers } = await client.workflowService.describeTaskQueue(request)
  const now = Date.now()
  const live = (pollers ?? []).filter(({ lastAccessTime }) => now - (epochMs(lastAccessTime) ?? 0) < POLLED_WITHIN_MS)
  return [...new Set(live.map(({ identity }) => identity ?? ''))].filter((identity) => identity !== '').toSorted()
}

/** Asks running tasks for their state as long as somebody answers: cheaper than reading their histories, never needed. */
export class TaskQueries {
  private readonly client: Client
  private answering: boolean

  constructor(client: Client, answering: boolean) {
    this.client = client
    this.answering = answering
  }

  /** Null where no worker answers in time. */
  async ask(workflowId: string, runId: string): Promise<TaskState | null> {
    if (!this.answering) return null
    try {
      const handle = this.client.workflow.getHandle(workflowId, runId)
      return await this.client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<TaskState>(QUERY.task))
    } catch {
      // Whatever it was, history says it too.
      this.answering = false
      return null
    }
  }
}
