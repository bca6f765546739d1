import { ApplicationFailure } from '@temporalio/common'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import type { ClaimInput, ClaimResult } from '../../../src/protocol/epoch.js'
import { QUERY, SIGNAL, type TaskControl } from '../../../src/protocol/messages.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { tidemarkTask } from '../../../workflows/task.js'
import { type ActivityCommand, type Command, Execution } from '../../simulation/temporal/execution.js'
import { problem, taskState } from './states.js'

vi.mock('@temporalio/workflow', () => import('../../simulation/temporal/workflow.js'))

const HOUR_MS = 3_600_000
const claimed: ClaimResult = { queue: 'other', worker: 'host-2', furthest: null, ledgers: {}, identities: {} }

/** The workflow of a task that stands, and whoever answers it: hours pass as they are wanted. */
class Standing {
  readonly activities: ActivityCommand[] = []
  historyLength = 10
  private readonly execution: Execution
  private readonly open: Command[] = []
  /** What claims come to. */
  private readonly claims: () => ClaimResult | Error

  constructor(state: TaskState, claims: () => ClaimResult | Error = () => claimed) {
    this.claims = claims
    const length = (): number => this.historyLength
    const facts = {
      runId: 'run-1',
      firstExecutionRunId: 'run-1',
      originalExecutionRunId: 'run-1',
      memo: {},
      get historyLength() {
        return length()
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

  get end(): Execution['end'] {
    return this.execution.end
  }

  async start(): Promise<void> {
    this.execution.apply({ kind: 'start' })
    await this.answer()
  }

  async pass(hours: number): Promise<void> {
    for (let hour = 0; hour < hours && this.end === null; hour++) {
      const timer = this.open.findIndex((command) => command.kind === 'timer' && command.ms === HOUR_MS)
      expect(timer, `a timer in hour ${hour}`).toBeGreaterThanOrEqual(0)
      for (const { seq } of this.open.splice(timer, 1)) this.execution.apply({ kind: 'settled', seq })
      await this.answer()
    }
  }

  async command(kind: TaskControl['kind']): Promise<void> {
    const input: TaskControl = { kind, reason: 'because', acceptCodeChange: false, incarnation: 4 }
    this.execution.apply({ kind: 'signalled', name: SIGNAL.control, input })
    await this.answer()
  }

  /** Answers everything but timers and epochs, until nothing more is asked. */
  private async answer(): Promise<void> {
    for (;;) {
      do await turn()
      while (this.execution.wake())
      const next = this.open.findIndex(({ kind }) => kind === 'signal' || kind === 'activity')
      const [command] = next < 0 ? [] : this.open.splice(next, 1)
      if (command === undefined) return
      if (command.kind === 'activity') this.activities.push(command)
      if (command.kind === 'activity' && command.type === ACTIVITY.runEpoch) continue
      const isClaim = command.kind === 'activity' && command.type === ACTIVITY.claim
      const value = isClaim ? this.claims() : undefined
      const { seq } = command
      this.execution.apply(
        value instanceof Error ? { kind: 'settled', seq, error: value } : { kind: 'settled', seq, value },
      )
    }
  }
}

const scheduled = { epoch: 8, time: 5, seed: 'seed' }
const parked = (more: Partial<TaskState> = {}): TaskState =>
  taskState({ phase: 'parked', problem, session: null, scheduled, ...more })

async function standing(state: TaskState, claims?: () => ClaimResult | Error): Promise<Standing> {
  const task = new Standing(state, claims)
  await task.start()
  return task
}

const kinds = ({ activities }: Standing): string[] => activities.map(({ type }) => type)

test('a task that is parked within an epoch commits its receipts again every 42 hours, and goes on standing', async () => {
  const task = await standing(parked())
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
  const task = await standing(taskState({ phase: 'paused', paused, session: null, scheduled }))
  await task.pass(42)
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.release])
  expect(task.state).toMatchObject({ phase: 'paused', paused, problem: null })
})

test('one without an epoch under way needs none of it: its checkpoint says all', async () => {
  const task = await standing(parked({ scheduled: null }))
  await task.pass(100)
  expect(kinds(task)).toEqual([])
})

test('a refresh that fails changes nothing of what holds the task', async () => {
  const refused = ApplicationFailure.create({ message: 'no right', type: 'SinkUnauthorized', nonRetryable: true })
  const task = await standing(parked(), () => refused)
  await task.pass(42)
  expect(kinds(task)).toEqual([ACTIVITY.claim])
  expect(task.state).toMatchObject({ phase: 'parked', problem, trouble: null, scheduled })
  await task.pass(42)
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.claim])
})

test('after a refresh a task is resumed as ever: it claims, above, and runs the epoch that was under way', async () => {
  const task = await standing(parked())
  await task.pass(50)
  await task.command('resume')
  expect(kinds(task)).toEqual([ACTIVITY.claim, ACTIVITY.release, ACTIVITY.claim, ACTIVITY.runEpoch])
  expect(task.activities[3]?.input).toMatchObject({ ...scheduled, owner: { claim: 7 } })
})

test('a task that stands for long continues as new before its history is full', async () => {
  const task = await standing(parked())
  task.historyLength = 10_000
  await task.pass(1)
  expect(task.end).toMatchObject({ kind: 'continued', input: { phase: 'parked', problem, scheduled } })
})
