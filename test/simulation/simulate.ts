import { atRest, newTask } from '../../src/protocol/new-task.js'
import type { TaskState } from '../../src/protocol/task.js'
import { SinkUnavailable } from '../../src/errors/sink.js'
import { Invariants } from './invariants.js'
import { LETTERS, type Log, modelPipeline, refuses, SINK, SINKS, type SimOutput, SOURCE } from './model.js'
import { Schedule } from './schedule.js'
import { Seeded } from './seeded.js'
import { type LedgerFlaw, type LedgerKind, SimLedger } from './sim-ledger.js'
import { SimTask } from './sim-task.js'
import { SimWorker } from './sim-worker.js'

/** Longer runs go nowhere. */
const MOST_ACTIONS = 5_000
/** Nothing is going to happen that hasn't by then. */
const MOST_TICKS = 500

export interface Outcome {
  /** The invariant that does not hold, with what was seen; null: all of them hold. */
  readonly broke: string | null
  /** What happened, in order: for whoever looks into a failing seed. */
  readonly trace: readonly string[]
  readonly faults: number
}

export interface SimulationOptions {
  readonly flaw?: LedgerFlaw
  readonly kind?: LedgerKind
  readonly drawsAnew?: boolean
}

/** One random schedule of one task, from its first start until all is written, with faults wherever they hurt. */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const simulation = new Simulation(seed, options)
  // The engine's clocks go by this one: time passes when the simulation says so.
  const real = Object.getOwnPropertyDescriptor(performance, 'now')
  Object.defineProperty(performance, 'now', { configurable: true, value: () => simulation.clock })
  try {
    return await simulation.run()
  } finally {
    if (real === undefined) Reflect.deleteProperty(performance, 'now')
    else Object.defineProperty(performance, 'now', real)
  }
}

class Simulation {
  /** In ms. */
  clock = 0
  private ticks = 0
  private readonly random: Seeded
  private readonly schedule: Schedule
  private readonly invariants: Invariants
  private readonly ledgers: readonly SimLedger[]
  private readonly workers: SimWorker[] = []
  private readonly log: Log
  private readonly trace: string[] = []
  private readonly model: ReturnType<typeof modelPipeline>
  private readonly faultChance: number
  private readonly drawsAnew: boolean
  private faultsLeft: number
  private faults = 0
  private named = 0
  private task: SimTask
  private ended = false

  constructor(seed: number, { flaw, kind, drawsAnew = false }: SimulationOptions) {
    const random = new Seeded(seed)
    this.random = random
    this.drawsAnew = drawsAnew
    this.schedule = new Schedule(random, random.pick([0, 0.05, 0.2]))
    const gaps = random.pick([0, 0, 0.2, 0.6])
    const end = gaps === 0 ? 0 : random.below(5)
    const records = Array.from({ length: 4 + random.below(10) }, () => !random.chance(gaps))
    this.log = [...records, ...Array.from({ length: end }, () => false)]
    this.invariants = new Invariants(this.log)
    this.faultsLeft = random.below(12)
    this.faultChance = random.pick([0.02, 0.1, 0.3])
    const ids = Array.from({ length: SINKS }, (_, index) => SINK + index).filter(
      (_, index) => index === 0 || random.chance(0.5),
    )
    if (random.chance(0.6)) ids.push(LETTERS)
    this.ledgers = ids.map(
      (id, tag) =>
        new SimLedger(
          id,
          tag,
          kind ?? random.pick(['compare', 'producer']),
          flaw ?? null,
          this.invariants,
          (output) => {
            const { v, i } = output as SimOutput
            return !refuses(id, v, i) ? null : v % 2 === 0 ? 'write' : 'commit'
          },
        ),
    )
    const commitMs = random.pick([0, 50, 50, null])
    this.model = modelPipeline({ log: this.log, ledgers: this.ledgers, commitMs, random })
    for (let n = 0; n < 1 + random.below(3); n++) this.addWorker()
    this.task = this.start(this.blank())
  }

  async run(): Promise<Outcome> {
    for (let actions = 0; this.invariants.broke === null && !this.ended; actions++) {
      await this.quiet()
      const { phase, problem } = this.task.state
      if (actions > MOST_ACTIONS) this.invariants.broken('15: no end in sight')
      else if (phase === 'parked') this.invariants.broken(`14: parked with ${problem?.code}: ${problem?.message}`)
      else if (phase === 'completed' && !this.freshStart()) this.ended = true
      else this.act()
    }
    await this.letZombiesGoOn()
    const { generation } = this.task.state
    if (this.invariants.broke === null) this.invariants.checkComplete(generation, this.ledgers)
    this.checkSessions()
    await this.shutDown()
    return { broke: this.invariants.broke, trace: this.trace, faults: this.faults }
  }

  private quiet(): Promise<void> {
    const sessions = [...this.workers, ...this.leaving].flatMap((worker) => worker.opened)
    return this.schedule.quiet(() => sessions.reduce((sum, session) => sum + Number(session.position), 0))
  }

  private act(): void {
    if (this.faultsLeft > 0 && this.random.chance(this.faultChance)) {
      this.faultsLeft--
      this.faults++
      this.fault()
      return
    }
    const entry = this.random.chance(0.2) ? undefined : this.schedule.choose()
    if (entry === undefined) {
      this.tick()
      return
    }
    this.ticks = 0
    this.tell(`${entry.process.name}: ${entry.label}`)
    this.schedule.take(entry)
    entry.go()
  }

  /** Time passes, and who waits for it looks again. */
  private tick(): void {
    this.clock += this.random.below(60)
    if (++this.ticks > MOST_TICKS) this.invariants.broken('15: nothing can go on')
    for (const { opened } of [...this.workers, ...this.leaving]) {
      for (const session of opened) if (!session.closed) session.bell.ring()
    }
  }

  private fault(): void {
    const { random, task } = this
    const kinds = [
      'fail',
      'fail',
      'fail',
      'kill',
      'kill',
      'timeOut',
      'timeOut',
      'interrupt',
      'continue',
      'release',
      'restart',
      'fresh',
    ]
    const kind = random.pick(kinds)
    this.tell(`! ${kind}`)
    if (kind === 'fail') this.failOne()
    else if (kind === 'kill') this.kill(random.pick(this.workers))
    else if (kind === 'timeOut') task.timeOut()
    else if (kind === 'interrupt') task.interrupt()
    else if (kind === 'continue') task.continueAsNew(this.name('run'))
    else if (kind === 'release') this.release(random.pick(this.workers))
    else if (kind === 'restart') this.restart({})
    else this.freshStart()
  }

  /** An operation of a ledger fails: before its effect, or after it where it waits there. */
  private failOne(): void {
    const entry = this.schedule.choose()
    if (entry === undefined || !/^(out-|dead-letters)/.test(entry.label)) return
    this.tell(`${entry.process.name}: ${entry.label} fails`)
    this.schedule.take(entry)
    const sink = entry.label
    entry.fail(
      new SinkUnavailable({ pipeline: 'simulated', stage: 'main', partition: 0, sink, target: sink, doing: sink }),
    )
  }

  private kill(worker: SimWorker): void {
    this.schedule.kill(worker)
    this.workers.splice(this.workers.indexOf(worker), 1)
    this.addWorker()
    // The server notices: heartbeats stop.
    if (this.task.on === worker) this.task.timeOut()
  }

  /** A worker that is shut down hands its tasks over, and finishes what it has begun. */
  private release(worker: SimWorker): void {
    worker.registry.shutDown()
    this.workers.splice(this.workers.indexOf(worker), 1)
    this.leaving.push(worker)
    this.addWorker()
  }

  private readonly leaving: SimWorker[] = []

  /** PROTOCOL §1 "Starting": first the old run is closed, then its state is read. */
  private restart(more: Partial<TaskState>): void {
    this.task.close()
    const last = this.task.state
    this.task = this.start({ ...last, ...atRest, ownerRunId: null, incarnation: last.incarnation + 1, ...more })
  }

  private freshStart(): boolean {
    if (this.faultsLeft <= 0 && this.task.state.phase === 'completed') return false
    this.faultsLeft--
    this.task.close()
    const last = this.task.state
    const owners = this.ledgers.flatMap(({ newest }) => (newest === null ? [] : [newest.owner]))
    const generation = Math.max(last.generation, ...owners.map((owner) => owner.generation)) + 1
    const incarnation = Math.max(last.incarnation, ...owners.map((owner) => owner.incarnation)) + 1
    const origin = this.random.below(this.log.length)
    const positions = { [SOURCE]: String(origin) }
    this.invariants.origins.set(generation, origin)
    this.tell(`! generation ${generation} from ${origin}`)
    this.restart({
      generation,
      incarnation,
      claim: 0,
      origin: positions,
      scheduled: null,
      checkpoint: { epoch: 0, positions, ledgers: {}, identities: {} },
    })
    return true
  }

  private start(state: TaskState): SimTask {
    const task = new SimTask(
      {
        anyone: () => this.random.pick(this.workers),
        worker: (name) => [...this.workers, ...this.leaving].find((worker) => worker.name === name),
        seed: () => String(this.random.next()),
        time: () => 1_000 + this.random.below(1_000_000),
        drawsAnew: this.drawsAnew,
        recorded: (recorded) => this.invariants.checkRecorded(recorded, this.ledgers),
      },
      state,
      this.name('run'),
    )
    void task.run()
    return task
  }

  private addWorker(): void {
    const buildId = this.random.pick(['old', 'new'])
    this.workers.push(new SimWorker(this.name('worker'), this.schedule, this.model, buildId))
  }

  /** Whoever was stopped goes on, after all is done: it must change nothing any more. */
  private async letZombiesGoOn(): Promise<void> {
    for (let steps = 0; steps < 500 && this.invariants.broke === null; steps++) {
      await this.quiet()
      const entry = this.schedule.waiting[0]
      if (entry === undefined) return
      this.tell(`${entry.process.name}: ${entry.label} (late)`)
      this.schedule.take(entry)
      entry.go()
    }
  }

  /** A worker that has lost sight of a session keeps its reader and its memory. */
  private checkSessions(): void {
    for (const { opened, registry, name } of [...this.workers, ...this.leaving]) {
      const open = opened.filter((session) => !session.closed)
      if (open.length > registry.all.length) {
        this.invariants.broken(`12: ${name} has ${open.length} open sessions and knows of ${registry.all.length}`)
      }
    }
  }

  private async shutDown(): Promise<void> {
    this.task.close()
    const workers = [...this.workers, ...this.leaving]
    for (const worker of workers) this.schedule.kill(worker)
    await this.quiet()
    await Promise.all(workers.flatMap((worker) => worker.opened.map((session) => session.close())))
  }

  private blank(): TaskState {
    const settings = { taskQueue: '', checkpointMs: 0, heartbeatMs: 0, idleMs: 0, maxHistoryEvents: 1 }
    const { name, stages } = this.model
    const origin = { [SOURCE]: '0' }
    const task = newTask({ pipeline: name, stage: stages[0]?.id ?? '', partition: 0, settings, origin })
    return { ...task, incarnation: 1, until: { [SOURCE]: String(this.log.length) } }
  }

  private name(what: string): string {
    return `${what}-${++this.named}`
  }

  private tell(what: string): void {
    this.trace.push(what)
  }
}
