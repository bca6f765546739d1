import { ActivityFailure, ApplicationFailure } from '@temporalio/common'
import { expect, test, vi } from 'vitest'
import { CheckpointsFailed } from '../../../src/errors/state.js'
import { problemOf } from '../../../src/engine/bad-record.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import { taskDetails } from '../../../workflows/task-details.js'
import { taskState } from './states.js'
import { TaskExecution } from './task-execution.js'

vi.mock('@temporalio/workflow', () => import('../../simulation/temporal/workflow.js'))

const failed = (count: number): CheckpointsFailed =>
  new CheckpointsFailed({
    pipeline: 'delays',
    stage: 'main',
    partition: 3,
    epoch: 8,
    failed: count,
    tolerableFailures: 2,
    timeoutMs: 1_000,
    reason: 'the backend is away',
  })

const running = (): Promise<TaskExecution> => TaskExecution.start(taskState({ ownerRunId: 'run-1' }))

const tell = (task: TaskExecution, trouble: CheckpointsFailed): Promise<void> =>
  task.command({ kind: 'trouble', claim: task.state.claim, trouble: problemOf(trouble, 5) })

/** As activities fail. */
function activityFailure(error: CheckpointsFailed): ActivityFailure {
  const cause = ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !error.retryable,
    details: [error.details],
  })
  return new ActivityFailure('failed', ACTIVITY.runEpoch, undefined, 'MAXIMUM_ATTEMPTS_REACHED', 'me', cause)
}

test('each failed checkpoint that is tolerated is told, with the count: in the memo, and in the details', async () => {
  const task = await running()
  const before = task.memos.length
  await tell(task, failed(1))
  await tell(task, failed(1))
  await tell(task, failed(2))
  expect(task.memos.slice(before).map(({ trouble }) => trouble?.details['failed'])).toEqual([1, 2])
  expect(taskDetails(task.state)).toContain('CheckpointsFailed: 2 checkpoints in a row of task delays/main/3 failed')
  expect(task.state.phase).toBe('running')
})

test('beyond the tolerated number the task claims again, runs the same epoch, and does not park', async () => {
  const task = await running()
  const epoch = task.activities.at(-1)?.input
  await task.failEpoch(activityFailure(failed(3)))
  expect(task.activities.slice(-2).map(({ type }) => type)).toEqual([ACTIVITY.claim, ACTIVITY.runEpoch])
  const { time, seed } = epoch as { time: number; seed: string }
  expect(task.activities.at(-1)?.input).toMatchObject({ epoch: 8, time, seed, owner: { claim: 6 } })
  expect(task.state).toMatchObject({ phase: 'running', problem: null, trouble: { code: 'CheckpointsFailed' } })
  expect(task.memos.at(-1)).toMatchObject({ trouble: { details: { failed: 3 } } })
})
