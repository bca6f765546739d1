import type { Client } from '@temporalio/client'
import { decode, epochMs, type HistoryEvent, replayTask } from '../control/task-history.js'
import { ACTIVITY } from '../protocol/names.js'
import type { TaskState } from '../protocol/task.js'
import type { EpochMs } from '../units.js'
import type { TaskQueries } from './workers.js'

/** About ten epochs. */
const PAGE = 64

export interface TaskRecord {
  readonly state: TaskState | null
  /** When the newest checkpoint was recorded; null where this start has none yet. */
  readonly recordedAt: EpochMs | null
}

/** What history records of a task, from as little of it as will do: its end, a short run, a worker's answer, all of it. */
export async function readTaskRecord(
  client: Client,
  workflowId: string,
  runId: string,
  queries: TaskQueries | null,
): Promise<TaskRecord> {
  const newest = await newestEvents(client, workflowId, runId)
  const recordedAt = lastRecorded(newest)
  const result = newest.at(-1)?.workflowExecutionCompletedEventAttributes?.result
  if (result !== null && result !== undefined) {
    return { state: await decode<TaskState>(client, result.payloads), recordedAt }
  }
  if (Number(newest[0]?.eventId) === 1) return { state: await replayTask(client, newest), recordedAt }
  const told = await queries?.ask(workflowId, runId)
  if (told !== null && told !== undefined) return { state: told, recordedAt }
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
  return { state: await replayTask(client, events ?? []), recordedAt: lastRecorded(events ?? []) }
}

/** The newest page of a run's history, oldest first. */
async function newestEvents(client: Client, workflowId: string, runId: string): Promise<HistoryEvent[]> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: PAGE,
  })
  return (history?.events ?? []).toReversed()
}

function lastRecorded(events: readonly HistoryEvent[]): EpochMs | null {
  const epochs = new Set<string>()
  let at: EpochMs | null = null
  for (const { eventId, eventTime, ...event } of events) {
    // A run continues as new right behind a checkpoint: until it has one of its own, its start stands for that.
    if (event.workflowExecutionStartedEventAttributes?.continuedExecutionRunId) at = epochMs(eventTime)
    if (event.activityTaskScheduledEventAttributes?.activityType?.name === ACTIVITY.runEpoch)
      epochs.add(String(eventId))
    const done = event.activityTaskCompletedEventAttributes
    if (done !== null && done !== undefined && epochs.has(String(done.scheduledEventId))) at = epochMs(eventTime)
  }
  return at
}
