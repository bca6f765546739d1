import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow'
import type { ControlActivities } from '../activities/control.js'
import type { SessionActivities } from '../activities/session.js'
import type { StateMark } from '../src/protocol/checkpoint.js'
import { ACTIVITY, claimsQueue } from '../src/protocol/names.js'

/** A worker that is there takes a task from its own queue at once: after this long it isn't. */
const WORKER_GONE_MS = 5_000
/** Over the epoch's own length: sinks that are slow to commit are no reason to give up a session that beats. */
const COMMIT_SLACK_MS = 600_000
/** Sessions that look after that themselves may be late for as long as their guard rails let them. */
const GUARDED_MS = 30 * 24 * 3_600_000
/** Fencing waits for a broker's or a database's own time-outs. */
const CLAIM_MS = 120_000
/** A claim reads all of a state: it may be as slow as that, in bytes as they are stored. A worker that is gone misses its beat. */
const LEAST_BYTES_PER_MS = 1_000

/** The plan: tried often at first, until a worker has it that knows the pipeline. */
export const plan = proxyActivities<Pick<ControlActivities, typeof ACTIVITY.describePipeline>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: 100, backoffCoefficient: 1.2, maximumInterval: 10_000 },
})

/** Partitions, old runs: any worker can tell, and tries until it can. Only failures nothing can mend end it. */
export const control = proxyActivities<ControlActivities>({
  startToCloseTimeout: '5 minutes',
  retry: { initialInterval: 500, maximumInterval: 10_000 },
})

/** The same for the looks that come again by themselves: commands don't wait for a source that can't be reached. */
export const controlOnce = proxyActivities<ControlActivities>({
  startToCloseTimeout: '20 seconds',
  retry: { maximumAttempts: 1 },
})

/** A beat is missed when the worker is gone: then another one copies. */
const KEEP_BEAT_MS = 30_000

/** A task's checkpoint for a savepoint: state in a backend is copied, however much it is. What is under way ends before it is taken away. */
export const keep = proxyActivities<Pick<ControlActivities, typeof ACTIVITY.keepCheckpoint>>({
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: KEEP_BEAT_MS,
  retry: { initialInterval: 500, maximumInterval: 10_000 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
})

/** How long a claim may take that begins with this state. */
export function claimMs({ segments }: StateMark = { segments: [], versions: {} }): number {
  const bytes = segments.reduce((sum, segment) => sum + ('bytes' in segment ? segment.bytes : 0), 0)
  return CLAIM_MS + Math.ceil(bytes / LEAST_BYTES_PER_MS)
}

/** One attempt: a claim that got lost may have fenced, so the next one has to carry a higher number. */
export function claimWith(
  taskQueue: string,
  times: { readonly lengthMs: number; readonly heartbeatMs: number },
  summary: string,
): SessionActivities[typeof ACTIVITY.claim] {
  return proxyActivities<SessionActivities>({
    ...oneAttempt,
    taskQueue: claimsQueue(taskQueue),
    startToCloseTimeout: times.lengthMs,
    heartbeatTimeout: times.heartbeatMs,
    summary,
  })[ACTIVITY.claim]
}

/** On the one worker that holds the session. */
export function epochOn(
  queue: string,
  times: { readonly lengthMs: number; readonly heartbeatMs: number; readonly guarded: boolean },
  summary: string,
): SessionActivities[typeof ACTIVITY.runEpoch] {
  return proxyActivities<SessionActivities>({
    ...oneAttempt,
    taskQueue: queue,
    scheduleToStartTimeout: WORKER_GONE_MS,
    startToCloseTimeout: times.guarded ? GUARDED_MS : times.lengthMs + COMMIT_SLACK_MS,
    heartbeatTimeout: times.heartbeatMs,
    summary,
  })[ACTIVITY.runEpoch]
}

/** A word to the worker that holds the session. */
export function sessionOn(
  queue: string,
): Pick<SessionActivities, typeof ACTIVITY.interrupt | typeof ACTIVITY.release | typeof ACTIVITY.look> {
  return proxyActivities<SessionActivities>({
    ...oneAttempt,
    taskQueue: queue,
    scheduleToStartTimeout: WORKER_GONE_MS,
    startToCloseTimeout: 30_000,
  })
}

const oneAttempt = {
  retry: { maximumAttempts: 1 },
  // What was under way at a cancellation ends by itself, and its result counts (PROTOCOL §7).
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} satisfies ActivityOptions
