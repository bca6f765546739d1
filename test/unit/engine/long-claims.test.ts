import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import { MemoryStore } from '../state/memory-store.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let log: LogSource
let out: BreakableSink
let store: SlowStore
let task: Task

/** Reads wait until they are let go. */
class SlowStore extends MemoryStore {
  reading = 0
  slow = false
  go: () => void = () => undefined

  override async get(key: string): Promise<Uint8Array | null> {
    this.reading++
    if (this.slow) await new Promise<void>((resolve) => (this.go = resolve))
    return await super.get(key)
  }
}

const counting = (): Pipeline =>
  definePipeline({
    name: 'counts',
    sources: { numbers: log.source() },
    state: { backend: { kind: 'memory', describe: 'a map', retainMs: 1_000, open: () => opening().then(() => store) } },
    steps: ({ numbers }) =>
      numbers
        .keyBy('itself', (n) => n, { key: json() as Serde<number>, alreadyPartitioned: true })
        .count('count')
        .to('out', out.sink()),
  })

/** Before the backend is open. */
let opening: () => Promise<void>

/** Until so many outputs are there. */
async function through(outputs: number): Promise<void> {
  while (out.values.length < outputs) await task.epoch({ checkpointMs: 30 })
}

beforeEach(async () => {
  log = new LogSource()
  out = new BreakableSink('out')
  store = new SlowStore()
  opening = async () => undefined
  task = new Task(counting())
  await task.claim()
  log.append(1, 1)
  await through(2)
  await task.lose()
  // From here on, time is ours.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await task.lose()
})

const soon = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test('a session whose state takes long to restore is not taken for one that nobody wants', async () => {
  let open: (() => void) | undefined
  opening = () => new Promise((resolve) => (open = resolve))
  store.slow = true
  const claim = task.claim()
  await soon(() => open !== undefined)
  vi.advanceTimersByTime(110_000)
  open?.()
  await soon(() => store.reading === 1)
  vi.advanceTimersByTime(110_000)
  store.go()
  await claim
  vi.useRealTimers()
  log.append(1)
  await through(3)
  expect(out.values).toEqual([1, 2, 3])
})
