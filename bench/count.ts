import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lmdbStore } from '../src/connectors/lmdb/lmdb-store.js'
import { blueprintOf } from '../src/definition/blueprint-of.js'
import { definePipeline } from '../src/definition/define-pipeline.js'
import { defineSource } from '../src/definition/define-source.js'
import type { Source, SourceRecord } from '../src/definition/source.js'
import type { StateStore } from '../src/definition/state-store.js'
import { ByteBudget } from '../src/engine/byte-budget.js'
import { silence } from '../src/engine/silence.js'
import { memorySegments } from '../src/testing/memory-segments.js'
import { memorySink } from '../src/testing/memory-sink.js'
import { TestTask } from '../src/testing/test-task.js'
import { count, median, rounded, say } from './figures.js'
import type { BenchOptions } from './options.js'

/** Records of a poll. */
const BATCH = 1_000
/** So many records between two checkpoints. */
const EPOCH = 100_000

interface Figures {
  readonly values: string
  readonly perSecond: number
  /** Seconds of CPU per million records. */
  readonly cpu: number
}

/** What `count` over `--records` keys comes to, all of them known, each record of a random one: the engine, without servers. */
export async function countKeys(options: BenchOptions): Promise<readonly Figures[]> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
  try {
    return [await measure('memory', undefined, options), await measure('lmdb', lmdbStore({ directory }), options)]
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function measure(values: string, store: StateStore | undefined, options: BenchOptions): Promise<Figures> {
  const { records: keys, rounds } = options
  const feed = new Feed(keys)
  const task = countingTask(feed, store)
  try {
    await through(task, feed, keys)
    const all: Figures[] = []
    for (let round = 0; round < rounds; round++) {
      const [began, cpuBefore] = [performance.now(), process.cpuUsage()]
      await through(task, feed, keys)
      const { user, system } = process.cpuUsage(cpuBefore)
      all.push({ values, perSecond: (keys * 1_000) / (performance.now() - began), cpu: (user + system) / keys })
    }
    const perSecond = rounded(median(all.map((each) => each.perSecond)))
    const cpu = rounded(median(all.map((each) => each.cpu)), 2)
    say(
      `count over ${count(keys)} keys, values in ${values}: ${count(perSecond)} records/s, ${cpu} s of CPU per million`,
    )
    return { values, perSecond, cpu }
  } finally {
    await task.close()
  }
}

async function through(task: TestTask, feed: Feed, records: number): Promise<void> {
  for (let left = records; left > 0; left -= EPOCH) {
    feed.more(Math.min(left, EPOCH))
    await task.settle()
    await task.checkpoint()
  }
}

function countingTask(feed: Feed, store: StateStore | undefined): TestTask {
  const pipeline = definePipeline({
    name: 'counts',
    sources: { records: feed.source() },
    state: { backend: memorySegments(), ...(store !== undefined && { store }) },
    steps: ({ records }) =>
      records
        .count('count')
        .filter('none', () => false)
        .to('out', memorySink<number>()),
  })
  const blueprint = blueprintOf(pipeline)
  const [stage] = blueprint.stages
  if (stage === undefined) throw new TypeError('a pipeline has a stage')
  const connection = (): never => {
    throw new Error('there is nothing to connect to')
  }
  const host = { ...silence, namespace: 'bench', connection, budget: new ByteBudget(2 ** 26), buildId: 'bench' }
  return new TestTask({
    host,
    blueprint,
    stage,
    partition: 0,
    ends: () => ({ records: String(feed.end) }),
    now: () => Date.now(),
    seed: 'bench',
  })
}

/** Each key once, in their order; from then on any. */
class Feed {
  end = 0
  private readonly keys: number
  private wake: () => void = () => undefined

  constructor(keys: number) {
    this.keys = keys
  }

  more(records: number): void {
    this.end += records
    this.wake()
  }

  source(): Source<number, string> {
    return defineSource<number, number, string>({
      kind: 'bench',
      replayable: true,
      key: ({ key }) => Buffer.from(key ?? []).toString(),
      partitions: async () => 1,
      bounds: async () => ({ start: '0', end: String(this.end) }),
      decode: ({ value }) => value,
      open: async (ctx) => {
        let at = Number(ctx.position)
        return {
          poll: async ({ signal, maxWaitMs }) => {
            if (at >= this.end) await this.waited(maxWaitMs, signal)
            const records: SourceRecord<number>[] = []
            for (const to = Math.min(at + BATCH, this.end); at < to; at++) records.push(this.record(at))
            return { records, next: String(at), lag: this.end - at }
          },
          close: async () => undefined,
        }
      },
    })
  }

  private record(at: number): SourceRecord<number> {
    const n = at < this.keys ? at : Math.floor(Math.random() * this.keys)
    return { position: String(at), next: String(at + 1), key: Buffer.from(`key-${n}`), value: n, timestamp: 0 }
  }

  private waited(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal.addEventListener('abort', end, { once: true })
      this.wake = end
    })
  }
}
