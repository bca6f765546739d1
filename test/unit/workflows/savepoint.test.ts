import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/common'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { ACTIVITY } from '../../../src/protocol/names.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { tidemarkSavepoint } from '../../../workflows/savepoint.js'
import { type Command, Execution } from '../../simulation/temporal/execution.js'

vi.mock('@temporalio/workflow', () => import('../../simulation/temporal/workflow.js'))

const tasks = [0, 1, 2].map((partition) => ({ stage: 'main', partition }))

/** A savepoint's workflow whose activities end as a test says. */
class Making {
  readonly commands: Command[] = []
  private readonly execution: Execution

  constructor() {
    const run = { runId: 'run-1', firstExecutionRunId: 'run-1', originalExecutionRunId: 'run-1' }
    const input = { pipeline: 'delays', label: 'before', id: 'a1', tasks, atRest: null }
    this.execution = new Execution(
      { ...run, memo: {}, historyLength: 3 },
      () => tidemarkSavepoint(input) as Promise<unknown> as Promise<TaskState>,
      (command) => void this.commands.push(command),
    )
  }

  get end(): Execution['end'] {
    return this.execution.end
  }

  /** What is under way, in the order in which it began. */
  seqs(type: string): readonly number[] {
    return this.commands.flatMap((command) =>
      command.kind === 'activity' && command.type === type ? [command.seq] : [],
    )
  }

  get cancelled(): readonly number[] {
    return this.commands.flatMap((command) => (command.kind === 'cancel' ? [command.seq] : []))
  }

  async start(): Promise<readonly number[]> {
    this.execution.apply({ kind: 'start' })
    await turn()
    return this.seqs(ACTIVITY.keepCheckpoint)
  }

  async settle(seq: number | undefined, error?: Error): Promise<void> {
    const settled = { kind: 'settled', seq: seq ?? -1 } as const
    this.execution.apply(error === undefined ? settled : { ...settled, error })
    await turn()
  }
}

const failedWith = (cause: Error): ActivityFailure =>
  new ActivityFailure('failed', ACTIVITY.keepCheckpoint, undefined, 'NON_RETRYABLE_FAILURE', 'me', cause)

const corrupt = failedWith(
  ApplicationFailure.create({ message: 'segment is gone', type: 'StateCorrupt', nonRetryable: true }),
)

async function failing(): Promise<{ readonly making: Making; readonly keeps: readonly number[] }> {
  const making = new Making()
  const keeps = await making.start()
  await making.settle(keeps[1], corrupt)
  return { making, keeps }
}

test('what has been kept is taken away when a keep has failed, and not before the others have come to their end', async () => {
  const { making, keeps } = await failing()
  expect(keeps).toHaveLength(3)
  expect(making.cancelled).toEqual(expect.arrayContaining([keeps[0], keeps[2]]))
  expect(making.seqs(ACTIVITY.dropSavepoint)).toEqual([])
  await making.settle(keeps[0], failedWith(new CancelledFailure('cancelled')))
  expect(making.seqs(ACTIVITY.dropSavepoint)).toEqual([])
  // It was through before it learned of that.
  await making.settle(keeps[2])
  const [drop, ...more] = making.seqs(ACTIVITY.dropSavepoint)
  expect([drop === undefined, more]).toEqual([false, []])
  expect(making.end).toBeNull()
  await making.settle(drop)
  expect(making.end).toMatchObject({ kind: 'failed', error: { type: 'StateCorrupt', message: 'segment is gone' } })
})

test('why it came to nothing is told, and what it could not take away besides', async () => {
  const { making, keeps } = await failing()
  await making.settle(keeps[0])
  await making.settle(keeps[2])
  const left = ApplicationFailure.create({
    message: 'copies are left',
    type: 'SavepointCopiesLeft',
    nonRetryable: true,
  })
  await making.settle(making.seqs(ACTIVITY.dropSavepoint)[0], failedWith(left))
  expect(making.end).toMatchObject({
    kind: 'failed',
    error: { type: 'StateCorrupt', message: 'segment is gone. Besides: copies are left' },
  })
})
