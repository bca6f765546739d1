import { ActivityFailure, ApplicationFailure } from '@temporalio/common'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { CheckpointsFailed } from '../../../src/errors/state.js'
import { problemOf } from '../../../src/engine/bad-record.js'
import type { ClaimResult } from '../../../src/protocol/epoch.js'
import { MEMO, QUERY, SIGNAL, type TaskControl, type TaskMemo } from '../../../src/protocol/messages.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { taskDetails } from '../../../workflows/task-details.js'
import { tidemarkTask } from '../../../workflows/task.js'
import { type ActivityCommand, type Command, Execution } from '../../simulation/temporal/execution.js'
import { taskState } from './states.js'

vi.mock('@temporalio/workflow', () => import('../../simulation/temporal/workflow.js'))

const claimed: ClaimResult = { queue: 'other', worker: 'host-2', furthest: null, ledgers: {}, identities: {} }

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

/** A running task's workflow; claims succeed, epochs are under way until a test ends them. */
class Running {
  readonly activities: ActivityCommand[] = []
  readonly memos: TaskMemo[] = []
  private readonly execution: Execution
  private readonly open: Command[] = []
  /** Under way. */
  private epoch: ActivityCommand | null = null

  constructor(state: TaskState) {
    const { memos } = this
    const facts = {
      runId: 'run-1',
      firstExecutionRunId: 'run-1',
      originalExecutionRunId: 'run-1',
      historyLength: 10,
      get memo() {
        return {}
      },
      set memo(memo: Readonly<Record<string, unknown>>) {
        memos.push(memo[MEMO.task] as TaskMemo)
      },
    }
    this.execution = new Execution(
      facts,
      () => tidemarkTask(state),
      (command) => void this.open.push(command),
    )
  }

  get state(): TaskState {
    return this.execution.handlers.get(QUERY.task)?.(undefined) as TaskState
  }

  async start(): Promise<void> {
    this.execution.apply({ kind: 'start' })
    await this.answer()
  }

  async tell(trouble: CheckpointsFailed): Promise<void> {
    const input: TaskControl = {
      kind: 'trouble',
      reason: '',
      acceptCodeChange: false,
      incarnation: 4,
      claim: this.state.claim,
      trouble: problemOf(trouble, 5),
    }
    this.execution.apply({ kind: 'signalled', name: SIGNAL.control, input })
    await this.answer()
  }

  /** The epoch under way fails as an activity does. */
  async fail(error: CheckpointsFailed): Promise<void> {
    const cause = ApplicationFailure.create({
      message: error.message,
      type: error.code,
      nonRetryable: !error.retryable,
      details: [error.details],
    })
    const failure = new ActivityFailure('failed', ACTIVITY.runEpoch, undefined, 'MAXIMUM_ATTEMPTS_REACHED', 'me', cause)
    this.execution.apply({ kind: 'settled', seq: this.epoch?.seq ?? -1, error: failure })
    await this.answer()
  }

  private async answer(): Promise<void> {
    for (;;) {
      do await turn()
      while (this.execution.wake())
      const next = this.open.findIndex(({ kind }) => kind === 'signal' || kind === 'activity')
      const [command] = next < 0 ? [] : this.open.splice(next, 1)
      if (command === undefined) return
      if (command.kind !== 'activity') {
        this.execution.apply({ kind: 'settled', seq: command.seq })
        continue
      }
      this.activities.push(command)
      if (command.type === ACTIVITY.runEpoch) this.epoch = command
      else this.execution.apply({ kind: 'settled', seq: command.seq, value: claimed })
    }
  }
}

async function running(): Promise<Running> {
  const task = new Running(taskState({ ownerRunId: 'run-1' }))
  await task.start()
  return task
}

test('each failed checkpoint that is tolerated is told, with the count: in the memo, and in the details', async () => {
  const task = await running()
  const before = task.memos.length
  await task.tell(failed(1))
  await task.tell(failed(1))
  await task.tell(failed(2))
  expect(task.memos.slice(before).map(({ trouble }) => trouble?.details['failed'])).toEqual([1, 2])
  expect(taskDetails(task.state)).toContain('CheckpointsFailed: 2 checkpoints in a row of task delays/main/3 failed')
  expect(task.state.phase).toBe('running')
})

test('beyond the tolerated number the task claims again, runs the same epoch, and does not park', async () => {
  const task = await running()
  const epoch = task.activities.at(-1)?.input
  await task.fail(failed(3))
  expect(task.activities.slice(-2).map(({ type }) => type)).toEqual([ACTIVITY.claim, ACTIVITY.runEpoch])
  const { time, seed } = epoch as { time: number; seed: string }
  expect(task.activities.at(-1)?.input).toMatchObject({ epoch: 8, time, seed, owner: { claim: 6 } })
  expect(task.state).toMatchObject({ phase: 'running', problem: null, trouble: { code: 'CheckpointsFailed' } })
  expect(task.memos.at(-1)).toMatchObject({ trouble: { details: { failed: 3 } } })
})
