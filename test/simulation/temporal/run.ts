import type { TaskState } from '../../../src/protocol/task.js'
import { QUERY } from '../../../src/protocol/messages.js'
import { tidemarkTask } from '../../../workflows/task.js'
import { Seeded } from '../seeded.js'
import type { VirtualTime } from '../virtual-time.js'
import { type Command, Execution, type Job, plain, type RunFacts } from './execution.js'

/** One line of history, with the workflow task that wrote it, or that is the first to see it. */
export type Entry = { readonly task: number } & (
  | { readonly kind: 'started'; readonly input: TaskState }
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'ended'; readonly result: TaskState }
)

/** A workflow task, with what its replay has to see again. */
interface Task {
  readonly at: number
  readonly jobs: readonly Job[]
  readonly length: number
}

export interface RunWorld {
  readonly time: VirtualTime
  /** Resolves once everybody has done what they could do without waiting. */
  readonly quiet: () => Promise<void>
  readonly issue: (run: SimRun, command: Command) => void
}

/** One run of a task's workflow: its history, and the code that goes by it. */
export class SimRun implements RunFacts {
  readonly runId: string
  readonly firstExecutionRunId: string
  readonly originalExecutionRunId: string
  readonly continuedFromExecutionRunId?: string
  readonly input: TaskState
  readonly log: Entry[] = []
  memo: Readonly<Record<string, unknown>> = {}
  status: 'open' | 'completed' | 'continued' | 'terminated' = 'open'
  /** Has come in, and no workflow task has seen it. */
  readonly inbox: Job[] = []
  /** As the workflow task under way sees it. */
  historyLength = 0
  private readonly tasks: Task[] = []
  /** What it was started with. */
  readonly firstMemo: Readonly<Record<string, unknown>>
  private readonly world: RunWorld
  private execution: Execution

  constructor(
    facts: Pick<RunFacts, 'runId' | 'firstExecutionRunId' | 'originalExecutionRunId' | 'continuedFromExecutionRunId'>,
    input: TaskState,
    memo: Readonly<Record<string, unknown>>,
    world: RunWorld,
  ) {
    this.runId = facts.runId
    this.firstExecutionRunId = facts.firstExecutionRunId
    this.originalExecutionRunId = facts.originalExecutionRunId
    if (facts.continuedFromExecutionRunId !== undefined) {
      this.continuedFromExecutionRunId = facts.continuedFromExecutionRunId
    }
    this.input = input
    this.firstMemo = memo
    this.world = world
    this.execution = this.fresh((command) => this.live(command))
    this.log.push({ task: 0, kind: 'started', input })
    this.inbox.push({ kind: 'start' })
  }

  /** As the workflow sees itself. */
  get state(): TaskState {
    const answer = this.execution.handlers.get(QUERY.task)?.(undefined)
    return answer === undefined ? this.input : (answer as TaskState)
  }

  get end(): Execution['end'] {
    return this.execution.end
  }

  /** How many workflow tasks it has had. */
  get length(): number {
    return this.tasks.length
  }

  /** Of the activity of that number. */
  typeOf(seq: number): string | undefined {
    for (const entry of this.log) {
      if (entry.kind !== 'command' || entry.command.seq !== seq) continue
      if (entry.command.kind === 'activity') return entry.command.type
    }
    return undefined
  }

  arrive(job: Job): void {
    this.log.push({ task: this.tasks.length, kind: 'job', job })
    this.inbox.push(job)
  }

  /** A workflow task: the code sees what has come in. */
  activate(): void {
    const task = {
      at: this.world.time.nextDate(),
      jobs: inOrder(this.inbox.splice(0)),
      length: this.log.length + 2 * this.tasks.length,
    }
    this.tasks.push(task)
    this.apply(task)
  }

  wake(): boolean {
    return this.execution.wake()
  }

  /** The worker has forgotten the workflow: its code is run again over history. False: it asks for other things now. */
  async replay(): Promise<boolean> {
    const { date } = this.world.time
    const before = this.log.flatMap((entry) => (entry.kind === 'command' ? [entry.command] : []))
    const again: Command[] = []
    this.execution = this.fresh((command) => {
      if (again.length < before.length) again.push(command)
      else this.live(command)
    })
    for (const task of this.tasks) await this.repeat(task)
    this.world.time.date = date
    // After a reset the run has another id than its history was written under: that shows in its commands' input.
    const seen = this.runId === this.originalExecutionRunId ? undefined : ['kind', 'seq', 'type', 'queue', 'ms']
    return JSON.stringify(again, seen) === JSON.stringify(before, seen)
  }

  /** This new run begins with what `base` did in its first tasks. Returns what they left unanswered. */
  async adopt(base: SimRun, tasks: number): Promise<readonly Command[]> {
    const { date } = this.world.time
    this.log.splice(0, this.log.length, ...base.log.filter((entry) => entry.task < tasks))
    this.inbox.length = 0
    const open = new Map<number, Command>()
    this.execution = this.fresh((command) => {
      if (command.kind !== 'cancel') open.set(command.seq, command)
    })
    for (const task of base.tasks.slice(0, tasks)) {
      this.tasks.push(task)
      await this.repeat(task)
      for (const job of task.jobs) if (job.kind === 'settled') open.delete(job.seq)
    }
    this.issueTo = (command) => this.live(command)
    this.world.time.date = date
    return [...open.values()]
  }

  private issueTo: (command: Command) => void = () => {}

  private fresh(issue: (command: Command) => void): Execution {
    this.issueTo = issue
    this.memo = this.firstMemo
    this.world.time.random = new Seeded(Number(this.originalExecutionRunId.replace(/\D/g, '')))
    return new Execution(
      this,
      () => tidemarkTask(plain(this.input)),
      (command) => this.issueTo(command),
    )
  }

  private live(command: Command): void {
    this.log.push({ task: this.tasks.length - 1, kind: 'command', command })
    this.world.issue(this, command)
  }

  private async repeat(task: Task): Promise<void> {
    this.world.time.date = task.at
    this.apply(task)
    do await this.world.quiet()
    while (this.wake())
  }

  private apply({ jobs, length }: Task): void {
    this.historyLength = length
    for (const job of jobs) this.execution.apply(job)
  }
}

/** The SDK hands signals over before answers. */
const inOrder = (jobs: readonly Job[]): readonly Job[] =>
  (['start', 'signalled', 'settled'] as const).flatMap((kind) => jobs.filter((job) => job.kind === kind))
