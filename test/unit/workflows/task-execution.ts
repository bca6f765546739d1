import { setImmediate as turn } from 'node:timers/promises'
import type { ClaimResult } from '../../../src/protocol/epoch.js'
import { MEMO, QUERY, SIGNAL, type TaskControl, type TaskMemo } from '../../../src/protocol/messages.js'
import { ACTIVITY } from '../../../src/protocol/names.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { tidemarkTask } from '../../../workflows/task.js'
import { type ActivityCommand, type Command, Execution } from '../../simulation/temporal/execution.js'

const HOUR_MS = 3_600_000
const claimed: ClaimResult = { queue: 'other', worker: 'host-2', furthest: null, ledgers: {}, identities: {} }

/** The workflow of a task, and whoever answers it: claims as a test says, epochs and timers when it says. */
export class TaskExecution {
  readonly activities: ActivityCommand[] = []
  readonly memos: TaskMemo[] = []
  historyLength = 10
  private readonly execution: Execution
  private readonly open: Command[] = []
  private readonly claims: () => ClaimResult | Error

  private constructor(state: TaskState, claims: () => ClaimResult | Error) {
    this.claims = claims
    const { memos } = this
    const length = (): number => this.historyLength
    const facts = {
      runId: 'run-1',
      firstExecutionRunId: 'run-1',
      originalExecutionRunId: 'run-1',
      get historyLength() {
        return length()
      },
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

  /** `claims`: what they come to, by default a session on another worker. */
  static async start(state: TaskState, claims: () => ClaimResult | Error = () => claimed): Promise<TaskExecution> {
    const task = new TaskExecution(state, claims)
    task.execution.apply({ kind: 'start' })
    await task.answer()
    return task
  }

  get state(): TaskState {
    return this.execution.handlers.get(QUERY.task)?.(undefined) as TaskState
  }

  get end(): Execution['end'] {
    return this.execution.end
  }

  async command(control: Pick<TaskControl, 'kind'> & Partial<TaskControl>): Promise<void> {
    const input: TaskControl = { reason: 'because', acceptCodeChange: false, incarnation: 4, ...control }
    this.execution.apply({ kind: 'signalled', name: SIGNAL.control, input })
    await this.answer()
  }

  /** The epoch under way fails. */
  async failEpoch(error: Error): Promise<void> {
    const epoch = this.activities.findLast(({ type }) => type === ACTIVITY.runEpoch)
    this.execution.apply({ kind: 'settled', seq: epoch?.seq ?? -1, error })
    await this.answer()
  }

  /** That many hours pass, or less if it ends. Throws where it doesn't look after an hour. */
  async pass(hours: number): Promise<void> {
    for (let hour = 0; hour < hours && this.end === null; hour++) {
      const timer = this.open.findIndex((command) => command.kind === 'timer' && command.ms === HOUR_MS)
      const [command] = timer < 0 ? [] : this.open.splice(timer, 1)
      if (command === undefined) throw new Error(`there is no timer in hour ${hour}`)
      this.execution.apply({ kind: 'settled', seq: command.seq })
      await this.answer()
    }
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
