import type { Client } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'

/** An activity as history tells of it. Read without any code of the library. */
export interface PastActivity {
  readonly type: string
  readonly scheduledAt: number
  readonly endedAt: number
  readonly outcome: 'completed' | 'failed' | 'timed out' | 'cancelled'
  /** Of a completed one. */
  readonly result: Readonly<Record<string, unknown>>
  /** Of a failed one: the failure's type. */
  readonly failure: string
}

export interface TaskPast {
  /** One more than it has continued as new. */
  readonly runs: number
  /** Those that have ended, over all runs, in their order. */
  readonly activities: readonly PastActivity[]
}

/** All that workflow history knows of a task, from its first run to its last. */
export async function taskPast(client: Client, workflowId: string): Promise<TaskPast> {
  const runs: PastActivity[][] = []
  let runId: string | undefined = (await client.workflow.getHandle(workflowId).describe()).runId
  while (runId !== undefined && runId !== '') {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    runs.unshift(activitiesIn(events ?? []))
    runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined
  }
  return { runs: runs.length, activities: runs.flat() }
}

type Event = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>[number]

function activitiesIn(events: readonly Event[]): PastActivity[] {
  const scheduled = new Map<string, Pick<PastActivity, 'type' | 'scheduledAt'>>()
  const ended: PastActivity[] = []
  const end = (id: unknown, event: Event, how: Partial<PastActivity> & Pick<PastActivity, 'outcome'>): void => {
    const begun = scheduled.get(String(id))
    if (begun !== undefined) ended.push({ ...begun, endedAt: timeOf(event), result: {}, failure: '', ...how })
  }
  for (const event of events) {
    const begun = event.activityTaskScheduledEventAttributes
    if (begun)
      scheduled.set(String(event.eventId), { type: begun.activityType?.name ?? '', scheduledAt: timeOf(event) })
    const completed = event.activityTaskCompletedEventAttributes
    if (completed) {
      const payload = completed.result?.payloads?.[0]
      const value = payload
        ? defaultPayloadConverter.fromPayload<PastActivity['result'] | undefined>(payload)
        : undefined
      end(completed.scheduledEventId, event, { outcome: 'completed', result: value ?? {} })
    }
    const failed = event.activityTaskFailedEventAttributes
    if (failed) {
      const failure = failed.failure?.applicationFailureInfo?.type ?? failed.failure?.message ?? ''
      end(failed.scheduledEventId, event, { outcome: 'failed', failure })
    }
    const late = event.activityTaskTimedOutEventAttributes
    if (late) end(late.scheduledEventId, event, { outcome: 'timed out', failure: late.failure?.message ?? '' })
    const cancelled = event.activityTaskCanceledEventAttributes
    if (cancelled) end(cancelled.scheduledEventId, event, { outcome: 'cancelled' })
  }
  return ended
}

function timeOf({ eventTime }: Event): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1_000_000
}
