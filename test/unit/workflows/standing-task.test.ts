import { ApplicationFailure } from '@temporalio/common'
import { expect, test, vi } from 'vitest'
import type { ClaimInput } from '../../../src/protocol/epoch.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { problem, taskState } from './states.js'
import { TaskExecution } from './task-execution.js'

vi.mock('@temporalio/workflow', () => import('../../simulation/temporal/workflow.js'))

const scheduled = { epoch: 8, time: 5, seed: 'seed' }
const parked = (more: Partial<TaskState> = {}): TaskState =>
  taskState({ phase: 'parked', problem, session: null, scheduled, ...more })

const kinds = ({ activities }: TaskExecution): string[] => activities.map(({ type }) => type)

test('a task that is parked within an epoch commits its receipts again every 42 hours, and goes on standing', async () => {
  const task = await TaskExecution.start(parked())
  await task.pass(41)
  expect(kinds(task)).toEqual([])
  await task.pass(1)
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.release])
  const input = task.activities[0]?.input as ClaimInput
  expect(input).toMatchObject({ scheduled, owner: { claim: 6, runId: 'run-1' } })
  expect(task.state).toMatchObject({ phase: 'parked', problem, claim: 6, scheduled, session: null })
  await task.pass(42)
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.release, ACTIVITY.claim, ACTIVITY.release])
  expect(task.state).toMatchObject({ phase: 'parked', problem, claim: 7 })
})

test('so does one that was paused when its epoch had failed', async () => {
  const paused = { reason: 'upgrade', at: 1 }
  const task = await TaskExecution.start(taskState({ phase: 'paused', paused, session: null, scheduled }))
  await task.pass(42)
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.release])
  expect(task.state).toMatchObject({ phase: 'paused', paused, problem: null })
})

test('one without an epoch under way needs none of it: its checkpoint says all', async () => {
  const task = await TaskExecution.start(parked({ scheduled: null }))
  await task.pass(100)
  expect(kinds(task)).toEqual([])
})

test('a refresh that fails changes nothing of what holds the task', async () => {
  const refused = ApplicationFailure.create({ message: 'no right', type: 'SinkUnauthorized', nonRetryable: true })
  const task = await TaskExecution.start(parked(), () => refused)
  await task.pass(42)
  expect(kinds(task)).toEqual([ACTIVITY.claim])
  expect(task.state).toMatchObject({ phase: 'parked', problem, trouble: null, scheduled })
  await task.pass(42)
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.claim])
})

test('after a refresh a task is resumed as ever: it claims, above, and runs the epoch that was under way', async () => {
  const task = await TaskExecution.start(parked())
  await task.pass(50)
  await task.command({ kind: 'resume' })
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.release, ACTIVITY.claim, ACTIVITY.runEpoch])
  expect(task.activities[3]?.input).toMatchObject({ ...scheduled, owner: { claim: 7 } })
})

test('a task that stands for long continues as new before its history is full', async () => {
  const task = await TaskExecution.start(parked())
  task.historyLength = 10_000
  await task.pass(1)
  expect(task.end).toMatchObject({ kind: 'continued', input: { phase: 'parked', problem, scheduled } })
})
