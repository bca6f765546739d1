import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { TaskState } from '../protocol/task.js'
import { type HistoryEvent, type RecordedEpoch, replayRun } from './task-history.js'

/** One run of a task's workflow, as far as it has come. */
export interface TaskRun {
  readonly runId: string
  /** What it was started with: the last checkpoint of the run before it, or where a generation begins. */
  readonly begun: TaskState
  /** In the order in which they were recorded. */
  readonly epochs: readonly RecordedEpoch[]
  /** What it has come to. */
  readonly state: TaskState
}

/**
 * Every run of a task that the namespace still has, newest first, read when it is asked for. Runs that continue each other
 * name their predecessor; those of earlier starts are found by visibility, which knows a run about a second after it began.
 */
export async function* taskRuns(client: Client, workflowId: string): AsyncGenerator<TaskRun> {
  const seen = new Set<string>()
  for await (const head of heads(client, workflowId)) {
    for (let runId: string | null = head; runId !== null && !seen.has(runId);) {
      seen.add(runId)
      const events = await historyOf(client, workflowId, runId)
      const run = events === null ? null : await taskRun(client, runId, events)
      if (run !== null) yield run
      runId = predecessorIn(events ?? [])
    }
  }
}

/** One run by its id; null where the namespace no longer has it. */
export async function taskRunOf(client: Client, workflowId: string, runId: string): Promise<TaskRun | null> {
  const events = await historyOf(client, workflowId, runId)
  return events === null ? null : await taskRun(client, runId, events)
}

/** Null for a run without its first event. */
export async function taskRun(client: Client, runId: string, events: readonly HistoryEvent[]): Promise<TaskRun | null> {
  const epochs: RecordedEpoch[] = []
  const replay = replayRun(client, events)
  for (;;) {
    const { done, value } = await replay.next()
    if (done !== true) {
      epochs.push(value)
      continue
    }
    const [begun] = events.slice(0, 1)
    if (value === null || !begun?.workflowExecutionStartedEventAttributes) return null
    const first = await replayRun(client, [begun]).next()
    return first.done === true && first.value !== null ? { runId, begun: first.value, epochs, state: value } : null
  }
}

/** The run that one continues, or null. */
export function predecessorIn(events: readonly HistoryEvent[]): string | null {
  return events[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || null
}

/** The newest run, then all others that visibility knows, newest first. */
async function* heads(client: Client, workflowId: string): AsyncGenerator<string> {
  try {
    const { runId } = await client.workflow.getHandle(workflowId).describe()
    yield runId
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
  }
  const runs: { readonly runId: string; readonly at: number }[] = []
  for await (const { runId, startTime } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    runs.push({ runId, at: startTime.getTime() })
  }
  yield* runs.toSorted((a, b) => b.at - a.at).map(({ runId }) => runId)
}

async function historyOf(client: Client, workflowId: string, runId: string): Promise<readonly HistoryEvent[] | null> {
  try {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    return events ?? []
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null
    throw error
  }
}
