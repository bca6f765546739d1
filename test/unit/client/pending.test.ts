import { expect, test } from 'vitest'
import { epochMs } from '../../../src/control/task-history.js'
import { pendingActivity, waitingFor } from '../../../src/client/pending.js'
import { ACTIVITY } from '../../../src/protocol/names.js'

type Raw = Parameters<typeof pendingActivity>[0]
type Pending = NonNullable<Raw['pendingActivities']>[number]
type Time = NonNullable<Pending['scheduledTime']>

const now = Date.UTC(2026, 0, 31, 8)
const SCHEDULED = 1
const STARTED = 2
/** So many seconds ago, as the server says it. */
const time = (secondsAgo: number): Time => ({
  seconds: (now / 1000 - secondsAgo) as unknown as NonNullable<Time['seconds']>,
  nanos: 0,
})
const activity = (type: string, of: object): Raw => ({ pendingActivities: [{ activityType: { name: type }, ...of }] })
const at = { queue: 'tidemark', workers: ['1@a'], worker: '1@a', now }

test('a protobuf time in milliseconds', () => {
  expect(epochMs({ seconds: 2 as unknown as NonNullable<Time['seconds']>, nanos: 5_999_999 })).toBe(2005)
  expect(epochMs(null)).toBeNull()
})

test('of several activities the one that does the work is told', () => {
  const raw: Raw = {
    pendingActivities: [
      { activityType: { name: ACTIVITY.interrupt }, state: STARTED },
      { activityType: { name: ACTIVITY.runEpoch }, state: STARTED, attempt: 1, lastHeartbeatTime: time(3) },
    ],
  }
  expect(pendingActivity(raw)).toMatchObject({ type: ACTIVITY.runEpoch, state: 'started', heartbeatAt: now - 3_000 })
  expect(pendingActivity({})).toBeNull()
})

test('what runs waits for nothing', () => {
  expect(
    waitingFor(activity(ACTIVITY.runEpoch, { state: STARTED, scheduledTime: time(60), attempt: 1 }), at),
  ).toBeNull()
  expect(waitingFor({}, at)).toBeNull()
})

test('the time it ordinarily takes to be taken up is not waiting', () => {
  expect(waitingFor(activity(ACTIVITY.claim, { state: SCHEDULED, scheduledTime: time(1), attempt: 1 }), at)).toBeNull()
})

test.each<[string, Raw, object]>([
  [
    "for a worker: none polls task queue 'tidemark'",
    activity(ACTIVITY.claim, { state: SCHEDULED, scheduledTime: time(9), attempt: 1 }),
    { workers: [] },
  ],
  [
    'for a worker with room for another task',
    activity(ACTIVITY.claim, { state: SCHEDULED, scheduledTime: time(9), attempt: 1 }),
    {},
  ],
  [
    'for worker 1@a to take up the epoch',
    activity(ACTIVITY.runEpoch, { state: SCHEDULED, scheduledTime: time(4), attempt: 1 }),
    {},
  ],
  [
    "for a worker: none polls task queue 'tidemark'",
    { pendingWorkflowTask: { attempt: 1, originalScheduledTime: time(30) } },
    { workers: [] },
  ],
  [
    "for a worker: none of task queue 'tidemark' has taken it up for 30 s",
    { pendingWorkflowTask: { attempt: 1, originalScheduledTime: time(30) } },
    {},
  ],
  [
    'for its workflow task to succeed, attempt 4: see the worker log',
    { pendingWorkflowTask: { attempt: 4, originalScheduledTime: time(30), startedTime: time(0) } },
    {},
  ],
  [
    `for ${ACTIVITY.discoverPartitions} to succeed: attempt 2 failed: no broker answers`,
    activity(ACTIVITY.discoverPartitions, {
      state: SCHEDULED,
      attempt: 3,
      scheduledTime: time(1),
      lastFailure: { message: 'no broker answers' },
    }),
    {},
  ],
])('%s', (phrase, raw, other) => {
  expect(waitingFor(raw, { ...at, ...other })).toBe(phrase)
})
