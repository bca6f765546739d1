import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { Payload } from '@temporalio/common'
import type { ClaimInput, ClaimResult, EpochInput, EpochResult } from '../protocol/epoch.js'
import { recordClaim, recordEpoch } from '../protocol/epoch.js'
import { ACTIVITY } from '../protocol/names.js'
import type { TaskState } from '../protocol/task.js'
import type { EpochMs } from '../units.js'

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
  const run = replayRun(client, events)
  for (;;) {
    const { done, value } = await run.next()
    if (done === true) return value
  }
}

/** One epoch as a run's history has it. */
export interface RecordedEpoch {
  readonly input: EpochInput
  readonly result: EpochResult
  /** With the checkpoint that the epoch began at, and the one that it ended with. */
  readonly before: TaskState
  readonly after: TaskState
  readonly startedAt: EpochMs
  readonly recordedAt: EpochMs
  /** Identity of the worker that ran it. */
  readonly worker: string | null
  /** Of its result in history: what the checkpoint itself takes. */
  readonly bytes: number
}

interface Command {
  readonly type: string
  /** Of an epoch. */
  readonly input: EpochInput | null
  startedAt: EpochMs
  worker: string | null
}

/** The same step by step: every epoch that is recorded, and in the end the state. */
export async function* replayRun(
  client: Client,
  events: readonly HistoryEvent[],
): AsyncGenerator<RecordedEpoch, TaskState | null> {
  let state: TaskState | null = null
  const commands = new Map<string, Command>()
  for (const event of events) {
    const begun = event.workflowExecutionStartedEventAttributes
    if (begun) state = await decode<TaskState>(client, begun.input?.payloads)
    if (state === null) continue
    const ended = event.workflowExecutionCompletedEventAttributes
    if (ended) return await decode<TaskState>(client, ended.result?.payloads)
    const at = epochMs(event.eventTime) ?? 0
    const scheduled = event.activityTaskScheduledEventAttributes
    if (scheduled) {
      const type = scheduled.activityType?.name ?? ''
      let input: EpochInput | null = null
      if (type === ACTIVITY.claim) {
        const { owner } = await decode<ClaimInput>(client, scheduled.input?.payloads)
        state = { ...state, claim: Math.max(state.claim, owner.claim) }
      } else if (type === ACTIVITY.runEpoch) {
        input = await decode<EpochInput>(client, scheduled.input?.payloads)
        const { epoch, time, seed } = input
        state = { ...state, scheduled: { epoch, time, seed } }
      }
      commands.set(String(event.eventId), { type, input, startedAt: at, worker: null })
    }
    const started = event.activityTaskStartedEventAttributes
    const taken = started ? commands.get(String(started.scheduledEventId)) : undefined
    if (taken !== undefined) {
      taken.startedAt = at
      taken.worker = started?.identity || null
    }
    const done = event.activityTaskCompletedEventAttributes
    if (!done) continue
    const command = commands.get(String(done.scheduledEventId))
    const payloads = done.result?.payloads
    if (command?.type === ACTIVITY.claim) state = recordClaim(state, await decode<ClaimResult>(client, payloads))
    if (command?.type !== ACTIVITY.runEpoch || command.input === null) continue
    const { input, startedAt, worker } = command
    const result = await decode<EpochResult>(client, payloads)
    const before = state
    state = recordEpoch(state, result)
    const bytes = payloads?.[0]?.data?.length ?? 0
    yield { input, result, before, after: state, startedAt, recordedAt: at, worker, bytes }
  }
  return state
}

type Timestamp = HistoryEvent['eventTime']

/** A protobuf time. */
export function epochMs(time: Timestamp): EpochMs | null {
  if (time === null || time === undefined) return null
  return Number(time.seconds ?? 0) * 1000 + Math.floor((time.nanos ?? 0) / 1e6)
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
