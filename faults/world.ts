import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import type { WorkerProcess } from '../test/setup/scene/worker-process.js'
import { uniqueName } from '../test/setup/unique-name.js'
import { waitUntil } from '../test/setup/wait-until.js'
import { Crew } from './crew.js'
import type { Mark, Offer, Strike } from './fault.js'
import { PipelineRun, type Ref } from './pipeline-run.js'
import type { Proxy } from './proxy/proxy.js'
import type { Servers } from './servers.js'
import type { Breakable, Point, SinkUnderTest } from './sinks/sink.js'
import type { StateUnderTest } from './state/state.js'

export interface WorldOptions {
  readonly servers: Servers
  readonly sink: SinkUnderTest
  readonly state: StateUnderTest
  readonly directory: string
  readonly perSecond: number
}

/** How long a partition may take to go on after a fault, on a machine that is busy. */
const RECOVERY_MS = 120_000
const LOOK_MS = 20

/** Two pipelines with their workers and servers, and what faults do to them. */
export class World {
  readonly runs: readonly PipelineRun[]
  readonly crew: Crew
  readonly client: Client
  private readonly options: WorldOptions
  private readonly connection: Connection
  private readonly taskQueue: string

  private constructor(options: WorldOptions, runs: readonly PipelineRun[], connection: Connection, client: Client) {
    const { servers, directory } = options
    this.options = options
    this.runs = runs
    this.connection = connection
    this.client = client
    this.taskQueue = uniqueName('faults')
    this.crew = new Crew(
      {
        temporalAddress: servers.links.temporal.address,
        brokers: [servers.links.kafka.address],
        taskQueue: this.taskQueue,
        heartbeatTimeout: '2s',
        pipelines: runs.map(({ settings }) => settings),
      },
      directory,
    )
  }

  static async prepare(options: WorldOptions): Promise<World> {
    const { servers, sink, state, perSecond } = options
    const connection = await Connection.connect({ address: servers.temporal.address })
    const client = new Client({ connection })
    const of = { brokers: servers.kafka.brokers, client, sink, state: state.settings, perSecond }
    const runs = [
      // Ledgers ahead of checkpoints, and ledgers that move with them.
      await PipelineRun.prepare({ ...of, name: 'swift', clocks: { commit: '150ms', checkpoint: '1500ms' } }),
      await PipelineRun.prepare({ ...of, name: 'steady', clocks: { commit: '500ms', checkpoint: '500ms' } }),
    ]
    return new World(options, runs, connection, client)
  }

  /** Everything started, and every partition with outputs. */
  async begin(): Promise<void> {
    await this.crew.muster()
    for (const run of this.runs) await run.start(this.taskQueue)
    await this.recovered(this.strikeOn(this.refs))
  }

  get refs(): readonly Ref[] {
    return this.runs.flatMap(({ refs }) => refs)
  }

  get offer(): Offer {
    const points = Object.entries(this.points).flatMap(([name, { weight }]) =>
      Array.from({ length: weight }, () => name),
    )
    return { points, links: Object.keys(this.links), servers: Object.keys(this.breakables) }
  }

  point(name: string): Point {
    return named(this.points, name)
  }

  link(name: string): Proxy {
    return named(this.links, name)
  }

  server(name: string): Breakable {
    return named(this.breakables, name)
  }

  /** Undefined where it doesn't run any more, or where it is none of ours. */
  worker(identity: string): WorkerProcess | undefined {
    return this.crew.worker(identity)
  }

  /** What each worker holds, as far as tasks tell. */
  async owned(): Promise<ReadonlyMap<string, readonly Ref[]>> {
    const owned = new Map<string, Ref[]>()
    const standings = await Promise.allSettled(this.refs.map(({ run, partition }) => run.standing(partition)))
    for (const [index, ref] of this.refs.entries()) {
      const standing = standings[index]
      const worker = standing?.status === 'fulfilled' ? standing.value.session?.worker : undefined
      if (worker !== undefined) owned.set(worker, [...(owned.get(worker) ?? []), ref])
    }
    return owned
  }

  /** Workers that hold something, from the one at that share of them on. */
  async busyWorkers(share: number): Promise<{ readonly process: WorkerProcess; readonly refs: readonly Ref[] }[]> {
    const owned = await this.owned()
    const busy = this.crew.live.flatMap((process) => {
      const refs = owned.get(process.identity)
      return refs === undefined ? [] : [{ process, refs }]
    })
    const from = Math.floor(share * busy.length)
    return [...busy.slice(from), ...busy.slice(0, from)]
  }

  /** Notes where the affected are. Call it right before the fault. */
  strikeOn(affected: readonly Ref[]): Strike {
    if (this.runs.some(({ feed }) => feed.finished))
      throw new Error('the feed had ended before the fault: it came too late')
    const marks = (refs: readonly Ref[]): Mark[] =>
      refs.map((ref) => ({ ref, end: ref.run.feed.ends[ref.partition] ?? 0 }))
    const others = this.refs.filter((ref) => !affected.includes(ref))
    return { at: Date.now(), affected: marks(affected), others: marks(others) }
  }

  /**
   * Waits until all goes on, and replaces workers that are gone. Milliseconds from the fault, or its end, to the first output of a newer
   * record, of each partition that it affected.
   */
  async recovered({ at, affected, others }: Strike): Promise<number[]> {
    const mustered = this.crew.muster()
    mustered.catch(() => undefined)
    const times = await this.goOn(at, affected)
    await this.goOn(at, others)
    await mustered
    // One that was killed at a message may have been about to go when the others were counted.
    await this.crew.muster()
    return times
  }

  /** Milliseconds from `at` to the first output behind each mark. */
  private async goOn(at: number, marks: readonly Mark[]): Promise<number[]> {
    const waiting = new Set(marks)
    const times: number[] = []
    for (;;) {
      for (const mark of waiting) {
        if (mark.ref.run.newest(mark.ref.partition) < mark.end) continue
        times.push(Date.now() - at)
        waiting.delete(mark)
      }
      if (waiting.size === 0) return times
      if (Date.now() - at > RECOVERY_MS) {
        const which = [...waiting].map(({ ref, end }) => `${ref.run.name}/${ref.partition} at ${end}`)
        throw new Error(`these did not go on within ${RECOVERY_MS / 1_000} s: ${which.join(', ')}`)
      }
      await sleep(LOOK_MS)
    }
  }

  /** Lets everything be processed and ends it in order. Returns what is wrong with how it ends. */
  async finish(): Promise<string[]> {
    await Promise.all(this.runs.map(({ feed }) => feed.end()))
    for (const { run, partition } of this.refs) {
      const through = () => run.isThrough(partition)
      await waitUntil(through, { for: `${run.name}/${partition} to be through`, timeoutMs: RECOVERY_MS, every: 200 })
    }
    await Promise.all(this.runs.map((run) => run.drain()))
    return await this.crew.dismiss()
  }

  async close(): Promise<void> {
    await this.crew.close()
    await Promise.allSettled(this.runs.map((run) => run.close()))
    await this.connection.close()
  }

  private get links(): Readonly<Record<string, Proxy>> {
    const { servers, sink, state } = this.options
    return { ...servers.links, ...sink.links, ...state.links }
  }

  private get points(): Readonly<Record<string, Point>> {
    const { servers, sink, state } = this.options
    const fetch: Point = { proxy: servers.links.kafka, name: 'Fetch', weight: 1 }
    return { 'kafka Fetch': fetch, ...sink.points, ...state.points }
  }

  private get breakables(): Readonly<Record<string, Breakable>> {
    const { servers, sink, state } = this.options
    return { broker: servers.kafka, temporal: servers.temporal, ...sink.servers, ...state.servers }
  }
}

function named<T>(things: Readonly<Record<string, T>>, name: string): T {
  const thing = things[name]
  if (thing === undefined) throw new Error(`this run has no ${name}`)
  return thing
}
