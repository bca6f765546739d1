import type { TaskState } from '../../src/protocol/task.js'
import type { Blueprint } from '../../src/definition/blueprint.js'
import type { Positions } from '../../src/definition/position.js'
import { hasEnded } from '../../workflows/task-control.js'
import type { Choices } from './choices.js'
import { type FaultName, happen, usualFaults } from './faults.js'
import { Invariants, placeText } from './invariants.js'
import { modelPipeline } from './model.js'
import { Process, Schedule } from './schedule.js'
import { type Setting, settingFrom, type SettingOptions } from './setting.js'
import { SimStore } from './sim-store.js'
import { SimWorker } from './sim-worker.js'
import type { ClientFlaw } from './temporal/client.js'
import { SimPipeline } from './temporal/pipeline.js'
import { SimTemporal } from './temporal/server.js'
import { VirtualTime } from './virtual-time.js'

/** What a task may park for whose history was reset: its state may be of a time that is no longer kept. */
const AFTER_RESET = ['LedgerAhead', 'ReceiptLost', 'SinkBehind', 'StateCorrupt']
/** Longer runs go nowhere. */
const MOST_ACTIONS = 3_000
/** Nothing is going to happen that hasn't by then. */
const MOST_TICKS = 300
/** Sessions that nobody comes to close themselves before that, and tasks that stand still look for their pipelines. */
const LONGEST_TICK_MS = 4_000_000

export interface SimulationOptions extends SettingOptions {
  readonly clientFlaw: ClientFlaw | null
  /** Which may happen; null: the usual ones. */
  readonly faults: readonly FaultName[] | null
}

/** Where a fault lies among the choices: shrinking takes it out. */
export interface FaultAt {
  readonly from: number
  readonly to: number
}

/** One task, from its first start until all is written, with faults wherever they hurt. */
export class Simulation {
  readonly choices: Choices
  readonly time = new VirtualTime()
  readonly trace: string[] = []
  readonly faultsAt: FaultAt[] = []
  readonly workers: SimWorker[] = []
  readonly schedule: Schedule
  readonly temporal: SimTemporal
  readonly pipeline: SimPipeline
  readonly invariants: Invariants
  readonly setting: Setting
  /** Since then a task may park for what its ledgers show. */
  wasReset = false
  private readonly gone: SimWorker[] = []
  private generation = 0
  private readonly somebody: Process
  private readonly blueprint: Blueprint
  private readonly clientFlaw: ClientFlaw | null
  private readonly faults: readonly FaultName[]
  private ticks = 0
  private actions = 0
  private named = 0
  private asked: 'resume' | 'drain' | null = null
  private ended = false

  constructor(choices: Choices, options: SimulationOptions) {
    this.choices = choices
    this.clientFlaw = options.clientFlaw
    this.faults = options.faults ?? usualFaults
    this.invariants = new Invariants((what) => this.tell(what))
    this.setting = settingFrom(choices, options, this.invariants)
    this.invariants.begin(this.setting)
    const { maxHistoryEvents, bounded, laziness } = this.setting
    this.schedule = new Schedule(choices, laziness)
    this.somebody = new Process('somebody', this.schedule)
    const { asks } = options
    const store = this.setting.keepsInStore ? new SimStore(() => this.time.date) : null
    this.blueprint = modelPipeline({ ...this.setting, store, asks })
    this.temporal = new SimTemporal(this.schedule, {
      time: this.time,
      quiet: () => this.schedule.quiet(() => this.progress()),
      anyone: () => choices.pick(this.workers),
      worker: (name) => [...this.workers, ...this.gone].find((worker) => worker.name === name && !worker.killed),
      pipelineRuns: () => this.pipeline.runs,
      recorded: (state, ended) => this.recorded(state, ended),
      tell: (what) => this.tell(what),
      broken: (invariant) => this.invariants.broken(invariant),
      maxHistoryEvents,
    })
    const settings = { taskQueue: '', checkpointMs: 400, heartbeatMs: 6_000, idleMs: 3_000, maxHistoryEvents }
    const { name, stages } = this.blueprint
    const stage = stages[0]?.id ?? ''
    this.pipeline = new SimPipeline(this.temporal, {
      pipeline: name,
      stage,
      settings,
      bounded,
      starts: (task) => this.starts(task),
      tell: (what) => this.tell(what),
    })
    for (let n = 0; n < this.setting.workers; n++) this.addWorker()
    this.pipeline.start(null)
  }

  get broke(): string | null {
    return this.invariants.broke
  }

  async run(): Promise<void> {
    while (this.broke === null && !this.ended) {
      await this.quiet()
      if (++this.actions > MOST_ACTIONS) this.invariants.broken('15: no end in sight')
      else if (!this.oversee()) await this.act()
    }
    await this.letZombiesGoOn()
    if (this.broke === null) this.checkEnd()
    this.checkSessions()
    await this.shutDown()
  }

  tell(what: string): void {
    this.trace.push(`${String(this.time.now).padStart(6)} ${what}`)
  }

  isSink(id: string): boolean {
    return this.setting.ledgers.some((ledger) => ledger.id === id) || this.setting.target?.id === id
  }

  kill(worker: SimWorker): void {
    this.schedule.kill(worker)
    // The process ends: so does what it holds in memory.
    for (const session of worker.opened) void session.close()
    void this.temporal.missed(worker)
    this.replace(worker)
  }

  retire(worker: SimWorker): void {
    worker.registry.shutDown()
    this.replace(worker)
  }

  /** Somebody who has paused it resumes it, once it has paused. */
  resumeLater(): void {
    this.asked ??= 'resume'
  }

  startFresh(): void {
    const from = this.choices.below(this.setting.brokers[0]?.log.length ?? 1)
    this.tell(`! the pipeline is started fresh from ${from}`)
    this.pipeline.start(from)
  }

  private starts({ generation, origin, checkpoint }: TaskState): void {
    this.asked = null
    // A fresh start may itself be overtaken by another: what was reset stays so until one has begun.
    if (generation > this.generation) this.wasReset = false
    this.generation = Math.max(this.generation, generation)
    this.invariants.begins(generation, checkpoint.epoch, origin)
  }

  private recorded(state: TaskState, ended: string): void {
    const { epoch, positions } = state.checkpoint
    this.tell(`checkpoint of epoch ${epoch} at ${placeText(positions)} (${ended})`)
    this.invariants.recorded(state, this.wasReset)
  }

  private progress(): number {
    const workers = [...this.workers, ...this.gone]
    return workers.reduce(
      (sum, worker) => worker.opened.reduce((some, { positions }) => some + progressOf(positions), sum),
      0,
    )
  }

  private async quiet(): Promise<void> {
    do await this.schedule.quiet(() => this.progress())
    while (this.temporal.wake())
  }

  /** What people and pipelines do where a task has come to an end, or stands still. True: they have done something. */
  private oversee(): boolean {
    const { newest } = this.temporal
    if (newest === undefined || this.pipeline.busy) return false
    if (newest.status !== 'open') return this.pipeline.look() || this.overseeEnd(newest.state)
    const { state } = newest
    if (state.phase === 'parked') return this.problem(state)
    if (this.asked === 'resume' && state.phase === 'paused') {
      this.asked = null
      void this.later('resume')
      return true
    }
    const isThrough = !this.setting.bounded && this.isAtEnd(state)
    if (isThrough && this.asked === null && state.ending === null && state.phase === 'running') {
      this.asked = 'drain'
      void this.later('drain')
      return true
    }
    return false
  }

  private isAtEnd({ checkpoint }: TaskState): boolean {
    return this.setting.brokers.every(({ id, log }) => Number(checkpoint.positions[id]) >= log.length)
  }

  private async later(kind: 'resume' | 'drain'): Promise<void> {
    await this.somebody.step(`asks to ${kind}`)
    this.pipeline.command(kind)
    if (this.asked === kind) this.asked = null
  }

  private overseeEnd(state: TaskState): boolean {
    this.asked = null
    if (!hasEnded(state.phase)) return false
    if (state.problem !== null) return this.problem(state)
    const isThrough = this.setting.bounded
      ? state.phase === 'completed'
      : state.phase === 'drained' && this.isAtEnd(state)
    const more = this.faultsAt.length < this.setting.faults && this.choices.chance(0.5)
    if (!isThrough) this.pipeline.start(null)
    else if (more) this.startFresh()
    else this.ended = true
    return true
  }

  /** Nothing here is lost or reset but by a fault that says so: then the remedy is a generation of its own. */
  private problem({ problem }: TaskState): boolean {
    if (this.wasReset && problem !== null && AFTER_RESET.includes(problem.code)) {
      this.startFresh()
    } else this.invariants.broken(`14: parked with ${problem?.code}: ${problem?.message}`)
    return true
  }

  private async act(): Promise<void> {
    const { choices, schedule } = this
    const from = choices.taken.length
    if (this.faultsAt.length < this.setting.faults && choices.chance(this.setting.faultChance)) {
      await happen(choices.pick(this.faults), this)
      this.faultsAt.push({ from, to: choices.taken.length })
      return
    }
    const entry = choices.chance(0.2) ? undefined : schedule.choose()
    if (entry === undefined) return this.tick()
    this.ticks = 0
    this.tell(`${entry.process.name}: ${entry.label}`)
    schedule.take(entry)
    entry.go()
  }

  /** Time passes: a little, or until something is due. */
  private tick(): void {
    if (++this.ticks > MOST_TICKS) this.invariants.broken('15: nothing can go on')
    const { nextDue, now } = this.time
    const little = this.choices.below(60)
    const isIdle = this.schedule.waiting.length === 0 || this.choices.chance(0.1)
    const due = nextDue === null || nextDue - now > LONGEST_TICK_MS ? little : nextDue - now
    this.time.pass(isIdle ? Math.max(due, little) : little)
    for (const broker of this.setting.brokers) broker.grow(this.time.now)
    for (const session of [...this.workers, ...this.gone].flatMap(({ opened }) => opened)) {
      if (!session.closed) session.bell.ring()
    }
  }

  private addWorker(): void {
    const worker = new SimWorker({
      name: `worker-${++this.named}`,
      schedule: this.schedule,
      blueprint: this.blueprint,
      buildId: this.choices.pick(['old', 'new']),
      temporal: () => this.temporal,
      clientFlaw: this.clientFlaw,
    })
    this.workers.push(worker)
  }

  private replace(worker: SimWorker): void {
    this.workers.splice(this.workers.indexOf(worker), 1)
    this.gone.push(worker)
    this.addWorker()
  }

  /** Whoever was stopped goes on, after all is done: it must change nothing any more. */
  private async letZombiesGoOn(): Promise<void> {
    for (let steps = 0; steps < 500 && this.broke === null; steps++) {
      await this.quiet()
      const entry = this.schedule.waiting[0]
      if (entry === undefined) return
      this.tell(`${entry.process.name}: ${entry.label} (late)`)
      this.schedule.take(entry)
      entry.go()
    }
  }

  private checkEnd(): void {
    const state = this.temporal.newest?.state
    if (state === undefined) return
    this.invariants.checkComplete(state)
  }

  /** A worker that has lost sight of a session keeps its reader and its memory. */
  private checkSessions(): void {
    for (const { opened, registry, name } of [...this.workers, ...this.gone]) {
      const open = opened.filter((session) => !session.closed)
      if (open.length > registry.all.length) {
        this.invariants.broken(`12: ${name} has ${open.length} open sessions and knows of ${registry.all.length}`)
      }
    }
  }

  private async shutDown(): Promise<void> {
    const workers = [...this.workers, ...this.gone]
    for (const worker of workers) this.schedule.kill(worker)
    await this.quiet()
    await Promise.all(workers.flatMap((worker) => worker.opened.map((session) => session.close())))
  }
}

const progressOf = (positions: Positions): number => Object.values(positions).reduce((sum, at) => sum + Number(at), 0)
