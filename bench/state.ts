import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileState } from '../src/connectors/file/file-state.js'
import { s3State } from '../src/connectors/s3/s3-state.js'
import type { SegmentStore, StateBackend } from '../src/definition/state-backend.js'
import type { Segment } from '../src/protocol/checkpoint.js'
import type { SegmentLog } from '../src/state/segment-log.js'
import type { StateTable } from '../src/state/table.js'
import { BackendState } from '../src/state/backend-state.js'
import { inSlices, restoreLog } from '../src/state/restore.js'
import { StepStates } from '../src/state/step-states.js'
import { countKeys } from './count.js'
import { count, median, rounded, say } from './figures.js'
import type { BenchOptions } from './options.js'

const SHARES = [0.001, 0.01, 0.1]
/** Values set between two looks of the engine after what it has to store. */
const SLICE = 1_000

interface Figures {
  readonly backend: string
  readonly share: number
  /** Per checkpoint. */
  readonly storedBytes: number
  readonly historyBytes: number
  /** The longest that processing stops for what is done beside it. */
  readonly sliceMs: number
  /** How long it stops for the checkpoint. */
  readonly stopMs: number
}

/** What state costs in a backend: one task with `--records` keys, of which each checkpoint finds a share changed. */
export async function state(options: BenchOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
  const pipeline = `bench-${randomBytes(4).toString('hex')}`
  const backends: StateBackend[] = [
    fileState({ directory }),
    ...(options.bucket === undefined ? [] : [s3State({ bucket: options.bucket, prefix: 'tidemark-bench' })]),
  ]
  const figures: Figures[] = []
  try {
    for (const backend of backends) figures.push(...(await measure(backend, pipeline, options)))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  const counts = await countKeys(options)
  if (options.json) say(JSON.stringify({ benchmark: 'state', keys: options.records, figures, counts }))
}

/** A whole number below that. Values of nothing but such don't compress to nothing. */
const random = (below: number): number => Math.floor(Math.random() * below)

const signal = new AbortController().signal

async function measure(backend: StateBackend, pipeline: string, options: BenchOptions): Promise<Figures[]> {
  const { records, rounds } = options
  const task = { namespace: 'bench', pipeline, stage: 'main', partition: 0 }
  let storedBytes = 0
  const real = await backend.open({ ...task, connection: () => ({}), signal })
  const store: SegmentStore = {
    ...real,
    put(key, blob) {
      storedBytes += blob.length
      return real.put(key, blob)
    },
  }
  let segments: readonly Segment[] = []
  let session = await Bench.open(store, segments, backend.describe)
  const checkpoint = async (): Promise<{ ms: number; bytes: number }> => {
    const began = performance.now()
    const change = await session.keeper.capture(signal)
    const ms = performance.now() - began
    if (change !== undefined) segments = [...segments.slice(change.drop), ...change.add]
    return { ms, bytes: Buffer.byteLength(JSON.stringify(change ?? null)) }
  }
  await session.change(Array.from({ length: records }, (_, n) => n))
  await checkpoint()
  say(`${backend.kind}: ${count(records)} keys are ${count(session.log.bytes)} bytes in ${segments.length} segments`)
  const figures: Figures[] = []
  for (const share of SHARES) {
    const all: Figures[] = []
    for (let round = 0; round < rounds; round++) {
      storedBytes = 0
      const changed = Array.from({ length: records * share }, () => random(records))
      const sliceMs = await session.change(changed)
      const { ms: stopMs, bytes: historyBytes } = await checkpoint()
      all.push({ backend: backend.kind, share, storedBytes, historyBytes, sliceMs, stopMs })
    }
    const typical = (of: (figures: Figures) => number): number => rounded(median(all.map(of)), 1)
    figures.push({
      backend: backend.kind,
      share,
      storedBytes: typical((each) => each.storedBytes),
      historyBytes: typical((each) => each.historyBytes),
      sliceMs: Math.max(...all.map((each) => rounded(each.sliceMs, 1))),
      stopMs: typical((each) => each.stopMs),
    })
    const [last] = figures.slice(-1)
    if (last !== undefined) say(line(last))
  }
  const { log } = session
  const began = performance.now()
  session = await Bench.open(store, segments, backend.describe)
  const ms = performance.now() - began
  if (session.table.size !== records) throw new Error(`${session.table.size} keys came back, not ${records}`)
  say(
    `${backend.kind}: restored in ${count(ms)} ms from ${count(log.bytes)} bytes in ${segments.length} segments, ` +
      `the event loop held for ${count(session.heldMs)} ms at most`,
  )
  const keys = segments.flatMap((segment) => ('key' in segment ? [segment.key] : []))
  await store.delete(keys)
  await session.keeper.close()
  return figures
}

const line = ({ backend, share, storedBytes, historyBytes, sliceMs, stopMs }: Figures): string =>
  `${backend}: ${share * 100} % changed: ${count(storedBytes)} bytes stored, ${count(historyBytes)} in history; ` +
  `processing stops for ${count(stopMs)} ms, and ${count(sliceMs)} ms at most before`

/** One session of the task. */
class Bench {
  readonly table: StateTable<{ readonly n: number; readonly at: number }>
  readonly keeper: BackendState
  readonly log: SegmentLog
  /** The longest that nothing else could run while it was restored. */
  readonly heldMs: number
  private readonly states: StepStates

  private constructor(
    states: StepStates,
    table: Bench['table'],
    log: SegmentLog,
    keeper: BackendState,
    heldMs: number,
  ) {
    this.states = states
    this.table = table
    this.log = log
    this.keeper = keeper
    this.heldMs = heldMs
  }

  static async open(store: SegmentStore, segments: readonly Segment[], describe: string): Promise<Bench> {
    const states = new StepStates()
    const table: Bench['table'] = states.table('bench', 'entries')
    let heldMs = 0
    let last = performance.now()
    const beat = setInterval(() => {
      heldMs = Math.max(heldMs, performance.now() - last - 1)
      last = performance.now()
    }, 1)
    const log = await restoreLog(states, segments, (key) => store.get(key), signal)
    await inSlices(states.finishing({}), signal)
    clearInterval(beat)
    const task = { pipeline: 'bench', stage: 'main', partition: 0 }
    const keeper = new BackendState({
      states,
      log,
      store,
      task,
      describe,
      tag: randomBytes(8).toString('hex'),
      retainMs: 86_400_000,
      time: () => 0,
      warn: say,
    })
    return new Bench(states, table, log, keeper, heldMs)
  }

  /** Changes those, as an epoch does, until a checkpoint may be made. Returns the longest that storing held it up, in ms. */
  async change(numbers: readonly number[]): Promise<number> {
    let longest = 0
    const tend = async (): Promise<void> => {
      const began = performance.now()
      this.keeper.tend()
      longest = Math.max(longest, performance.now() - began)
      await nextTurn()
    }
    for (let from = 0; from < numbers.length; from += SLICE) {
      for (const n of numbers.slice(from, from + SLICE))
        this.table.set(`key-${n}`, { n: random(1e9), at: Date.now() - random(1e9) })
      this.states.journal.forget()
      await tend()
    }
    while (!this.keeper.ready) await tend()
    return longest
  }
}
