import { ApplicationFailure } from '@temporalio/common'
import type { EpochResult } from '../../../src/protocol/epoch.js'
import { recordEpoch } from '../../../src/protocol/epoch.js'
import { SIGNAL, type TaskControl } from '../../../src/protocol/messages.js'
import { ACTIVITY, pipelineWorkflowId } from '../../../src/protocol/names.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { Process, type Schedule } from '../schedule.js'
import type { SimWorker } from '../sim-worker.js'
import type { VirtualTime } from '../virtual-time.js'
import type { ActivityCommand, Command, Job } from './execution.js'
import { plain } from './execution.js'
import { Flight, type Settled } from './flight.js'
import { SimRun } from './run.js'

export interface ServerWorld {
  readonly time: VirtualTime
  readonly quiet: () => Promise<void>
  /** Any live worker: who polls a shared queue. */
  readonly anyone: () => SimWorker
  readonly worker: (name: string) => SimWorker | undefined
  /** Whether the pipeline's own workflow is there. */
  readonly pipelineRuns: () => boolean
  /** A checkpoint, or where a run begins, is in history. */
  readonly recorded: (state: TaskState, ended: string) => void
  readonly tell: (what: string) => void
  readonly broken: (invariant: string) => void
  readonly maxHistoryEvents: number
}

/** The Temporal server: runs of one task's workflow, activities under way, time-outs, signals. */
export class SimTemporal {
  readonly process: Process
  readonly runs: SimRun[] = []
  readonly flights = new Set<Flight>()
  private readonly world: ServerWorld
  private named = 0

  constructor(schedule: Schedule, world: ServerWorld) {
    this.process = new Process('temporal', schedule)
    this.world = world
  }

  get newest(): SimRun | undefined {
    return this.runs.at(-1)
  }

  get open(): SimRun | undefined {
    return this.newest?.status === 'open' ? this.newest : undefined
  }

  start(input: TaskState): void {
    const runId = this.name()
    this.begin(this.run({ runId, firstExecutionRunId: runId, originalExecutionRunId: runId }, input, {}))
  }

  terminate(): boolean {
    const run = this.open
    if (run === undefined) return false
    this.close(run, 'terminated')
    this.world.tell(`${run.runId} is terminated`)
    return true
  }

  signal(control: TaskControl): boolean {
    const run = this.open
    if (run === undefined) return false
    this.arrive(run, { kind: 'signalled', name: SIGNAL.control, input: control })
    return true
  }

  /** `temporal workflow reset`: a run that has done the first of this one's workflow tasks, and knows of no more. */
  async reset(tasks: number): Promise<void> {
    const base = this.newest
    if (base === undefined) return
    if (base.status === 'open') this.close(base, 'terminated')
    const { firstExecutionRunId, originalExecutionRunId, continuedFromExecutionRunId, firstMemo } = base
    const facts = { runId: this.name(), firstExecutionRunId, originalExecutionRunId }
    const run = this.run(
      continuedFromExecutionRunId === undefined ? facts : { ...facts, continuedFromExecutionRunId },
      base.input,
      firstMemo,
    )
    const unanswered = await run.adopt(base, tasks)
    this.runs.push(run)
    this.world.tell(`${run.runId} is ${base.runId} up to its workflow task ${tasks}`)
    for (const command of unanswered) {
      if (command.kind === 'timer') this.issue(run, command)
      else if (command.kind === 'signal') this.arrive(run, { kind: 'settled', seq: command.seq })
      else {
        const error = ApplicationFailure.retryable('workflow reset', 'ResetWorkflow')
        new Flight(command as ActivityCommand, (outcome) => this.answer(run, command.seq, outcome)).fail(error)
      }
    }
    // The server applies signals again that came after the point of the reset.
    for (const entry of base.log) {
      if (entry.kind === 'job' && entry.job.kind === 'signalled' && entry.task >= tasks) this.arrive(run, entry.job)
    }
    if (run.inbox.length === 0) this.look(run)
  }

  /** Forgets the workflow's code: what it comes to when run again over history has to be the same. */
  async evict(): Promise<void> {
    const run = this.open
    if (run !== undefined && !(await run.replay())) this.world.broken(`16: ${run.runId} replays otherwise`)
  }

  /** One activity, on whoever takes it. */
  async perform(flight: Flight): Promise<void> {
    const { command } = flight
    const own = this.world.worker(command.queue)
    const worker = own ?? (command.queue.startsWith('worker') ? undefined : this.world.anyone())
    this.flights.add(flight)
    if (worker === undefined) {
      await this.process.step(`nobody takes ${flight.name}`)
      flight.timeOut('SCHEDULE_TO_START')
    } else {
      flight.worker = worker
      await this.attempt(flight, worker).catch(() => undefined)
    }
    this.flights.delete(flight)
  }

  /** The worker's heartbeats have stopped. */
  async missed(worker: SimWorker): Promise<void> {
    const lost = [...this.flights].filter((flight) => flight.worker === worker)
    if (lost.length === 0) return
    await this.process.step(`${worker.name} misses its heartbeats`)
    for (const flight of lost) flight.timeOut('HEARTBEAT')
  }

  /** Anything that a workflow wakes up by: true if one did. */
  wake(): boolean {
    const run = this.open
    if (run === undefined) return false
    if (run.wake()) return true
    const { end } = run
    if (end === null) return false
    if (end.kind === 'continued') this.continueAsNew(run, end.input)
    else if (end.kind === 'completed') {
      run.log.push({ task: run.length - 1, kind: 'ended', result: end.result })
      this.close(run, 'completed')
      this.world.tell(`${run.runId} ends: ${end.result.phase}`)
    } else {
      this.close(run, 'terminated')
      this.world.broken(`14: the workflow fails: ${String((end.error as Error)?.stack ?? end.error)}`)
    }
    return true
  }

  private continueAsNew(run: SimRun, input: TaskState): void {
    if (run.inbox.length > 0) this.world.broken(`16: ${run.runId} continues without what has come in`)
    this.close(run, 'continued')
    const { firstExecutionRunId, memo, runId: continuedFromExecutionRunId } = run
    const runId = this.name()
    const facts = { runId, firstExecutionRunId, originalExecutionRunId: runId, continuedFromExecutionRunId }
    this.world.tell(`${run.runId} continues as ${runId}`)
    this.begin(this.run(facts, input, memo))
  }

  private begin(run: SimRun): void {
    this.runs.push(run)
    this.look(run)
  }

  private run(facts: ConstructorParameters<typeof SimRun>[0], input: TaskState, memo: SimRun['memo']): SimRun {
    const { maxHistoryEvents } = this.world
    const state = { ...input, settings: { ...input.settings, maxHistoryEvents } }
    return new SimRun(facts, plain(state), memo, {
      time: this.world.time,
      quiet: this.world.quiet,
      issue: (by, command) => this.issue(by, command),
    })
  }

  private close(run: SimRun, status: SimRun['status']): void {
    run.status = status
    // What it had under way goes on, and counts for nothing.
    for (const flight of this.flights) if (flight.command.run === run) flight.done = true
  }

  private issue(run: SimRun, command: Command): void {
    const { seq } = command
    if (command.kind === 'timer') {
      this.world.time.set(() => this.arrive(run, { kind: 'settled', seq }), command.ms)
    } else if (command.kind === 'cancel') {
      const flight = [...this.flights].find((other) => other.command.run === run && other.command.seq === seq)
      if (flight?.begun === false) flight.cancelled()
    } else if (command.kind === 'signal') void this.report(run, seq, command.workflowId)
    else void this.perform(new Flight({ ...command, run }, (outcome) => this.answer(run, seq, outcome)))
  }

  private async report(run: SimRun, seq: number, workflowId: string): Promise<void> {
    await this.process.step('report')
    const isThere = workflowId === pipelineWorkflowId(run.input.pipeline) && this.world.pipelineRuns()
    this.arrive(run, isThere ? { kind: 'settled', seq } : { kind: 'settled', seq, error: new Error('not found') })
  }

  private answer(run: SimRun, seq: number, outcome: Settled): void {
    const { state } = run
    this.arrive(run, { kind: 'settled', seq, ...outcome })
    if (run.status !== 'open' || !('value' in outcome)) return
    const type = run.typeOf(seq)
    if (type !== ACTIVITY.runEpoch) return
    const result = outcome.value as EpochResult
    this.world.recorded(recordEpoch(state, result), result.ended)
  }

  private arrive(run: SimRun, job: Job): void {
    if (run.status !== 'open') return
    const first = run.inbox.length === 0
    run.arrive(job)
    if (first) this.look(run)
  }

  /** A workflow task is due: until it comes, more may come in. */
  private look(run: SimRun): void {
    const begin = async (): Promise<void> => {
      await this.process.step('workflow task')
      if (run.status === 'open') run.activate()
    }
    void begin()
  }

  private async attempt(flight: Flight, worker: SimWorker): Promise<void> {
    const { name, command } = flight
    await worker.step(`${name} begins`)
    flight.begun = true
    try {
      const value = plain(await worker.perform(command.type, command.input, flight.abort))
      await worker.step(`${name} answers`)
      flight.settle({ value })
    } catch (error) {
      this.world.tell(`${worker.name}: ${name} fails with ${(error as Error).name}: ${(error as Error).message}`)
      await worker.step(`${name} fails`)
      flight.fail(error)
    }
  }

  private name(): string {
    return `run-${++this.named}`
  }
}
