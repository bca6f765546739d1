import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { Payload } from '@temporalio/common'
import type { ClaimInput, ClaimResult, EpochInput, EpochResult } from '../protocol/epoch.js'
import { recordClaim, recordEpoch } from '../protocol/epoch.js'
import { ACTIVITY } from '../protocol/names.js'
import type { TaskState } from '../protocol/task.js'

/**
 * Where the last run of a task stopped, read from its history: its result if it ended by itself, else its input with
 * every recorded claim and epoch applied, and the epoch that was scheduled and never recorded (PROTOCOL §1 "Starting").
 * Null where the namespace no longer has, or never had, such a task. Call it after the run is closed.
 */
export async function lastTaskState(client: Client, workflowId: string): Promise<TaskState | null> {
  const handle = client.workflow.getHandle(workflowId)
  try {
    const { runId } = await handle.describe()
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    return await replayTask(client, events ?? [])
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null
    throw error
  }
}

export type HistoryEvent = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>[number]

/** The state that a run's events, from its first on, come to. Null before the first. */
export async function replayTask(client: Client, events: readonly HistoryEvent[]): Promise<TaskState | null> {
  let state: TaskState | null = null
  const scheduled = new Map<string, string>()
  for (const event of events) {
    const begun = event.workflowExecutionStartedEventAttributes
    if (begun !== null && begun !== undefined) state = await decode<TaskState>(client, begun.input?.payloads)
    if (state === null) continue
    const ended = event.workflowExecutionCompletedEventAttributes
    if (ended !== null && ended !== undefined) return await decode<TaskState>(client, ended.result?.payloads)
    const command = event.activityTaskScheduledEventAttributes
    if (command !== null && command !== undefined) {
      const type = command.activityType?.name ?? ''
      scheduled.set(String(event.eventId), type)
      if (type === ACTIVITY.claim) {
        const input = await decode<ClaimInput>(client, command.input?.payloads)
        state = { ...state, claim: Math.max(state.claim, input.owner.claim) }
      } else if (type === ACTIVITY.runEpoch) {
        const { epoch, time, seed } = await decode<EpochInput>(client, command.input?.payloads)
        state = { ...state, scheduled: { epoch, time, seed } }
      }
    }
    const done = event.activityTaskCompletedEventAttributes
    if (done === null || done === undefined) continue
    const type = scheduled.get(String(done.scheduledEventId))
    if (type === ACTIVITY.claim) state = recordClaim(state, await decode<ClaimResult>(client, done.result?.payloads))
    if (type === ACTIVITY.runEpoch) state = recordEpoch(state, await decode<EpochResult>(client, done.result?.payloads))
  }
  return state
}

/** The first of some payloads, through the codecs and converter that the worker has. */
export async function decode<T>(client: Client, payloads: readonly Payload[] | null | undefined): Promise<T> {
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter
  let encoded = [...(payloads ?? [])]
  for (const codec of payloadCodecs.toReversed()) encoded = await codec.decode(encoded)
  const [first] = encoded
  if (first === undefined) throw new TypeError('a payload that has to be there is missing from history')
  return payloadConverter.fromPayload<T>(first)
}
