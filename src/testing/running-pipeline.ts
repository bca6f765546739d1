import { randomUUID } from 'node:crypto'
import type { Blueprint } from '../definition/blueprint.js'
import type { DeadLetter } from '../definition/dead-letter.js'
import type { AnySinkDefinition } from '../definition/define-sink.js'
import type { Stage } from '../definition/graph.js'
import { type Headers, headersOf } from '../definition/headers.js'
import { deadLettersId } from '../definition/ids.js'
import { keepsAnswers } from '../definition/ledgers.js'
import { ByteBudget } from '../engine/byte-budget.js'
import type { EngineHost } from '../engine/host.js'
import { InvalidCommand } from '../errors/control.js'
import type { EpochMs } from '../units.js'
import { memorySegments } from './memory-segments.js'
import { isCrash, memoryItemsOf } from './memory-source.js'
import { silence } from '../engine/silence.js'
import type { Bytes, SendOptions, TestPipelineOptions, TestSink } from './test-pipeline.js'
import { TestSinks } from './test-sinks.js'
import { type SentAs, TestPartition, testSource } from './test-source.js'
import { TestTask } from './test-task.js'

const DEFAULT_NOW = Date.UTC(2026, 0, 1)
const PREFETCH_BYTES = 64 * 1024 * 1024

interface Partition {
  readonly stage: Stage
  /** By source. */
  readonly records: Readonly<Record<string, TestPartition>>
  readonly task: TestTask
}

/** What `testPipeline` gives, with its types forgotten. */
export class RunningPipeline {
  readonly #blueprint: Blueprint
  readonly #original: Blueprint
  readonly #host: EngineHost
  readonly #sinks: TestSinks
  readonly #now: EpochMs
  readonly #seed: string
  /** By stage and partition, in the order in which data goes through the stages. */
  readonly #partitions = new Map<string, Partition>()
  /** By the id of what lies between two stages: how much of it the second has been given. */
  readonly #carried = new Map<string, number>()
  readonly #taken = new Map<string, number>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(original: Blueprint, { now, seed = 1 }: TestPipelineOptions) {
    const namespace = `test-${randomUUID()}`
    this.#original = original
    this.#now = now?.getTime() ?? DEFAULT_NOW
    this.#seed = String(seed)
    this.#sinks = new TestSinks(namespace)
    this.#host = {
      ...silence,
      namespace,
      budget: new ByteBudget(PREFETCH_BYTES),
      connection: noConnection,
      buildId: '',
      gatherMs: 0,
    }
    this.#blueprint = this.#standIn(original)
  }

  send(source: string, record: SendOptions & { readonly value: unknown; readonly key?: unknown }): Promise<void> {
    const { value, key, partition = 0 } = record
    return this.#inTurn(async () => {
      const readers = this.#readersOf(this.#named(source), partition)
      for (const { records } of readers) records[source]?.send(value, key, this.#sentAs(record, keyBytes(key)))
      await this.#settle(readers)
    })
  }

  sendBytes(
    source: string,
    bytes: Uint8Array | null,
    options: SendOptions & { readonly key?: Bytes } = {},
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { partition = 0 } = options
      const readers = this.#readersOf(this.#named(source), partition)
      for (const { records } of readers) records[source]?.sendRaw(bytes, this.#sentAs(options, keyBytes(options.key)))
      await this.#settle(readers)
    })
  }

  checkpoint(): Promise<void> {
    return this.#inTurn(() => this.#each((task) => task.checkpoint()))
  }

  crash(): Promise<void> {
    return this.#inTurn(() => this.#each((task) => task.crash()))
  }

  sink(id: string): TestSink<unknown> {
    const ends = this.#original.stages.flatMap((stage) => stage.sinks)
    const ids = ends.filter((sink) => sink.channel === undefined).map((sink) => sink.id)
    if (!ids.includes(id))
      throw new TypeError(`pipeline '${this.#original.name}' has no sink '${id}': it has ${ids.join(', ')}`)
    const [sinks, taken] = [this.#sinks, this.#taken]
    return {
      get values() {
        return sinks.values(id)
      },
      take() {
        const values = sinks.values(id)
        const from = taken.get(id) ?? 0
        taken.set(id, values.length)
        return values.slice(from)
      },
    }
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#sinks.values(deadLettersId) as readonly DeadLetter[]
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#each((task) => task.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What memory sources are made of. */
  sendItems(): Promise<void> {
    return this.#inTurn(async () => {
      const nodes = this.#original.stages.flatMap(({ sources }) => sources)
      for (const [id, source] of new Map(nodes.map((node) => [node.id, node.source]))) {
        const items = memoryItemsOf(source)
        if (items === undefined) continue
        const readers = this.#readersOf(id, 0)
        for (const item of items) {
          if (!isCrash(item)) for (const { records } of readers) records[id]?.sendRaw(item, this.#sentAs({}, null))
          else {
            await this.#settle(readers)
            await this.#each((one) => one.crash())
          }
        }
        await this.#settle(readers)
      }
    })
  }

  /** The same pipeline between a source and sinks in memory; each record's outputs are committed as it has been processed. */
  #standIn(original: Blueprint): Blueprint {
    const { onError } = original
    const letters = (sink: AnySinkDefinition): AnySinkDefinition => this.#sinks.standIn(deadLettersId, sink)
    return {
      ...original,
      commitMs: 0,
      // All in memory, whatever its size: nothing of a test is to be found anywhere.
      backend: original.stages.some((stage) => keepsAnswers(stage, original)) ? memorySegments() : null,
      store: null,
      inlineBytes: Infinity,
      stages: original.stages.map((stage) => ({
        ...stage,
        sources: stage.sources.map((node) => ({
          ...node,
          source: testSource(node.source, (partition) => this.#recordsOf(stage, node.id, partition)),
        })),
        sinks: stage.sinks.map((node) => {
          const { id, sink, channel } = node
          return {
            ...node,
            sink: channel === undefined ? this.#sinks.standIn(id, sink) : this.#sinks.carrier(sink, channel),
          }
        }),
      })),
      onError:
        onError.kind === 'deadLetter' ? { ...onError, sink: letters(onError.sink as AnySinkDefinition) } : onError,
    }
  }

  #recordsOf({ id }: Stage, source: string, partition: number): TestPartition {
    const stage = this.#blueprint.stages.find((one) => one.id === id)
    const records = stage === undefined ? undefined : this.#partition(stage, partition).records[source]
    if (records === undefined) throw new TypeError(`pipeline '${this.#original.name}' has no source '${source}'`)
    return records
  }

  /** The tasks that a record of that source comes to. What meets a repartitioned stream does so in one partition. */
  #readersOf(source: string, partition: number): readonly Partition[] {
    return this.#blueprint.stages
      .filter(({ sources }) => sources.some(({ id }) => id === source))
      .map((stage) => this.#partition(stage, stage.sources.some(({ channel }) => channel) ? 0 : partition))
  }

  #partition(stage: Stage, partition: number): Partition {
    const key = `${stage.id}/${partition}`
    const known = this.#partitions.get(key)
    if (known !== undefined) return known
    const records = Object.fromEntries(stage.sources.map(({ id }) => [id, new TestPartition()]))
    const task = new TestTask({
      host: this.#host,
      blueprint: this.#blueprint,
      stage,
      partition,
      ends: () => Object.fromEntries(Object.entries(records).map(([id, { end }]) => [id, end])),
      now: () => this.#now,
      seed: this.#seed,
    })
    const made = { stage, records, task }
    this.#partitions.set(key, made)
    return made
  }

  /** Resolves once what was sent to those is through all stages. */
  async #settle(sentTo: readonly Partition[]): Promise<void> {
    const due = new Set(sentTo)
    for (const stage of this.#blueprint.stages) {
      for (const one of due) if (one.stage === stage) await one.task.settle()
      for (const { id, channel } of stage.sinks) {
        if (channel === undefined) continue
        const all = this.#sinks.carried(id)
        for (const next of this.#readersOf(id, 0)) {
          for (const { value, ...as } of all.slice(this.#carried.get(id) ?? 0)) next.records[id]?.sendRaw(value, as)
          due.add(next)
        }
        this.#carried.set(id, all.length)
      }
    }
  }

  #named(source: string): string {
    const sources = this.#original.stages.flatMap((stage) => stage.sources)
    const ids = sources.filter(({ channel }) => channel === undefined).map(({ id }) => id)
    if (ids.includes(source)) return source
    throw new TypeError(`pipeline '${this.#original.name}' has no source '${source}': it has ${ids.join(', ')}`)
  }

  #sentAs({ timestamp, headers }: SendOptions, key: Uint8Array | null): SentAs {
    const at = timestamp instanceof Date ? timestamp.getTime() : (timestamp ?? this.#now)
    return headers === undefined ? { key, timestamp: at } : { key, timestamp: at, headers: headersFrom(headers) }
  }

  async #each(work: (task: TestTask) => Promise<void>): Promise<void> {
    // One stage after the other, so that what the one commits comes before the next one's turn.
    for (const stage of this.#blueprint.stages) {
      for (const one of [...this.#partitions.values()].filter((other) => other.stage === stage)) {
        await work(one.task)
      }
    }
  }

  /** One call after the other: two at once would ask one task for two things. */
  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

function headersFrom(headers: Readonly<Record<string, Bytes>>): Headers {
  return headersOf(Object.entries(headers).map(([name, value]) => [name, bytesOf(value)] as const))
}

const bytesOf = (value: Bytes): Uint8Array => (typeof value === 'string' ? Buffer.from(value) : value)

/** The bytes that stand for a key: its own, or those of its text or JSON. */
function keyBytes(key: unknown): Uint8Array | null {
  if (key === undefined || key === null) return null
  if (typeof key === 'string' || key instanceof Uint8Array) return bytesOf(key)
  return Buffer.from(JSON.stringify(key))
}

function noConnection(kind: string, name: string): never {
  throw new InvalidCommand({ command: 'connect', reason: `a pipeline under test has no ${kind} connection '${name}'` })
}
