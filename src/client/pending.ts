import type { WorkflowExecutionDescription } from '@temporalio/client'
import { epochMs } from '../control/task-history.js'
import { ACTIVITY } from '../protocol/names.js'
import type { EpochMs } from '../units.js'
import type { TaskActivity } from './status.js'

type Raw = WorkflowExecutionDescription['raw']

/** PENDING_ACTIVITY_STATE_SCHEDULED of Temporal's API. */
const SCHEDULED = 1
/** Below this, waiting is the ordinary time it takes to be taken up. */
const NOTABLE_MS = 2_000

/** The activity a workflow waits for: the one that does the work, where there are several. */
export function pendingActivity({ pendingActivities }: Raw): TaskActivity | null {
  const all = pendingActivities ?? []
  const main: readonly string[] = [ACTIVITY.claim, ACTIVITY.runEpoch]
  const found = all.find((activity) => main.includes(activity.activityType?.name ?? '')) ?? all[0]
  if (found === undefined) return null
  return {
    type: found.activityType?.name ?? '',
    state: Number(found.state) === SCHEDULED ? 'scheduled' : 'started',
    attempt: found.attempt ?? 1,
    scheduledAt: epochMs(found.scheduledTime),
    startedAt: epochMs(found.lastStartedTime),
    heartbeatAt: epochMs(found.lastHeartbeatTime),
    failure: found.lastFailure?.message ?? null,
  }
}

const TO_SUCCEED = 'to succeed'

/** Whether what is waited for, as `waitingFor` says it, has failed and is tried again. */
export const isFailing = (waiting: string | null): boolean => waiting?.includes(TO_SUCCEED) ?? false

/** What a running workflow waits for, as a phrase; null where it gets on. `queue` is the pipeline's, `workers` who polls it. */
export function waitingFor(
  raw: Raw,
  { queue, workers, worker, now }: { queue: string; workers: readonly string[]; worker: string | null; now: EpochMs },
): string | null {
  const stuck = waitingWorkflowTask(raw, now)
  const activity = pendingActivity(raw)
  const waits = activity?.state === 'scheduled' && now - (activity.scheduledAt ?? now) > NOTABLE_MS
  if (activity !== null && activity.attempt > 1 && activity.failure !== null) {
    return `for ${activity.type} ${TO_SUCCEED}: attempt ${activity.attempt - 1} failed: ${activity.failure}`
  }
  if (stuck !== null && stuck.attempt > 1) {
    return `for its workflow task ${TO_SUCCEED}, attempt ${stuck.attempt}: see the worker log`
  }
  if (!waits && stuck === null) return null
  if (workers.length === 0) return `for a worker: none polls task queue '${queue}'`
  if (activity?.type === ACTIVITY.claim) return 'for a worker with room for another task'
  if (activity?.type === ACTIVITY.runEpoch && worker !== null) return `for worker ${worker} to take up the epoch`
  const since = stuck?.since ?? activity?.scheduledAt ?? now
  return `for a worker: none of task queue '${queue}' has taken it up for ${Math.round((now - since) / 1000)} s`
}

/** A workflow task that no worker has taken up for a while, or that fails again and again. */
function waitingWorkflowTask(
  { pendingWorkflowTask }: Raw,
  now: EpochMs,
): { readonly attempt: number; readonly since: EpochMs } | null {
  if (pendingWorkflowTask === null || pendingWorkflowTask === undefined) return null
  const attempt = pendingWorkflowTask.attempt ?? 1
  const since = epochMs(pendingWorkflowTask.originalScheduledTime ?? pendingWorkflowTask.scheduledTime) ?? now
  const started = pendingWorkflowTask.startedTime !== null && pendingWorkflowTask.startedTime !== undefined
  return attempt > 1 || (!started && now - since > NOTABLE_MS) ? { attempt, since } : null
}
