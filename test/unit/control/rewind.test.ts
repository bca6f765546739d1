import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import type { NormalInput, Rewind } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'
import { Task } from '../engine/task.js'
import { RecordedTask } from '../rerun/recorded-task.js'
import { MemoryStore } from '../state/memory-store.js'
import { contextOf } from './contexts.js'
import { outputsFrom, takenOver } from './going-on.js'

let log: LogSource
let out: BreakableSink
let store: MemoryStore
let otherStore: MemoryStore
let recorded: RecordedTask
/** How many outputs there were after each epoch. */
let written: number[]
const tasks: Task[] = []

const counts = (backed: boolean, name = 'counts', sink = out): Pipeline =>
  definePipeline({
    name,
    sources: { numbers: log.source() },
    ...(backed && {
      state: {
        backend: {
          kind: 'memory',
          describe: 'a map',
          retainMs: 1_000,
          open: async ({ pipeline }) => (pipeline === 'counts' ? store : otherStore),
        },
      },
    }),
    steps: ({ numbers }) =>
      numbers
        .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .count('count')
        .to('out', sink.sink()),
  })

async function record(pipeline: Pipeline): Promise<void> {
  recorded = new RecordedTask(pipeline)
  tasks.push(recorded.task)
  await recorded.begin()
  written = [0]
  for (const value of [1, 11, 2, 21, 12]) {
    log.append(value)
    await recorded.readAll(log)
    written.push(out.values.length)
    if (value === 11 || value === 21) recorded.continueAsNew()
  }
  await recorded.task.lose()
}

const back = (to: Rewind['to'], more: Partial<Rewind> = {}): Rewind => ({ to, stage: null, partition: null, ...more })

async function start(pipeline: Pipeline, rewind: Rewind, more: Partial<NormalInput> = {}): Promise<TaskState> {
  const input = { until: null, fresh: false, from: null, rewind, ...more }
  return await takenOver(contextOf([pipeline], recorded.client), pipeline, input)
}

async function goOn(pipeline: Pipeline, state: TaskState, sink = out): Promise<readonly unknown[]> {
  const task = new Task(pipeline)
  tasks.push(task)
  return await outputsFrom(task, state, log, sink)
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  store = new MemoryStore()
  otherStore = new MemoryStore()
})
afterEach(async () => {
  for (const task of tasks.splice(0)) await task.lose()
})

describe.each([['in history', false] as const, ['in a backend', true] as const])('a rewind, state %s', (_, backed) => {
  test('begins a generation at any epoch, and writes again what came behind it', async () => {
    const pipeline = counts(backed)
    await record(pipeline)
    const { epoch: last } = recorded.task.state.checkpoint
    for (let epoch = 0; epoch <= last; epoch++) {
      const all = [...out.values].slice(0, written.at(-1))
      const state = await start(pipeline, back({ epoch, generation: 1 }))
      expect(state).toMatchObject({ generation: epoch + 2, claim: 0, scheduled: null, phase: 'running' })
      expect(state.checkpoint).toMatchObject({ epoch, ledgers: {} })
      expect(state.origin).toEqual(state.checkpoint.positions)
      expect(await goOn(pipeline, state)).toEqual(all.slice(Number(state.origin['numbers'])))
      expect(out.newest?.owner).toMatchObject({ generation: epoch + 2 })
    }
  })

  test('of another pipeline is a fork: it goes on with that state, in places of its own', async () => {
    await record(counts(backed))
    recorded.name = 'counts'
    const [values, receipts, puts] = [[...out.values], out.receipts.length, store.puts]
    const own = new BreakableSink('out')
    const fork = counts(backed, 'fork', own)
    const state = await start(fork, back({ epoch: 2, generation: null }, { of: 'counts' }))
    expect(state).toMatchObject({ pipeline: 'fork', generation: 1, checkpoint: { epoch: 2, ledgers: {} } })
    expect(await goOn(fork, state, own)).toEqual(values.slice(Number(state.origin['numbers'])))
    expect([out.values, out.receipts.length, store.puts], 'nothing of the other is touched').toEqual([
      values,
      receipts,
      puts,
    ])
    expect(otherStore.puts > 0).toBe(backed)
  })
})

test('to the newest checkpoint that was recorded by a time', async () => {
  const pipeline = counts(false)
  await record(pipeline)
  let time = 0
  for (const { events } of recorded.runs.values()) {
    for (const event of events) Object.assign(event, { eventTime: { seconds: ++time, nanos: 0 } })
  }
  const epochs: number[] = []
  for (let at = 3; at <= time; at++) {
    epochs.push((await start(pipeline, back({ time: at * 1_000 + 500 }))).checkpoint.epoch)
  }
  expect(epochs[0]).toBe(1)
  expect(epochs).toEqual(epochs.toSorted((a, b) => a - b))
  expect(epochs.at(-1)).toBe(recorded.task.state.checkpoint.epoch)
  await expect(start(pipeline, back({ time: 1_000 }))).rejects.toThrow(/no checkpoint of task .* is as old as 1970-/)
})

test('what history does not have is told, with what it has', async () => {
  const pipeline = counts(false)
  await record(pipeline)
  const { epoch } = recorded.task.state.checkpoint
  const lost = start(pipeline, back({ epoch: 99, generation: null }))
  await expect(lost).rejects.toMatchObject({ code: 'CheckpointNotFound' })
  await expect(lost).rejects.toThrow(`is epoch 99 of generation 1: history has 1/0 to 1/${epoch} (generation/epoch)`)
  await expect(start(pipeline, back({ epoch: 1, generation: 7 }))).rejects.toMatchObject({ code: 'CheckpointNotFound' })
  recorded.runs.delete('run-1')
  await expect(start(pipeline, back({ epoch: 0, generation: null }))).rejects.toMatchObject({
    code: 'CheckpointNotFound',
  })
})

test('tasks that it is not for go on where they were', async () => {
  const pipeline = counts(false)
  await record(pipeline)
  const { epoch } = recorded.task.state.checkpoint
  for (const other of [{ partition: 1 }, { stage: 'other' }]) {
    const state = await start(pipeline, back({ epoch: 1, generation: null }, other))
    expect(state).toMatchObject({ generation: 1, checkpoint: { epoch, ledgers: { out: expect.anything() } } })
  }
  expect(await start(pipeline, back({ epoch: 1, generation: null }, { partition: 0 }))).toMatchObject({ generation: 2 })
})

test('segments of the old checkpoint are kept from being deleted; where they are, nothing is begun', async () => {
  const pipeline = counts(true)
  await record(pipeline)
  store.now += 999
  const state = await start(pipeline, back({ epoch: 2, generation: null }))
  const keys = (state.checkpoint.state?.segments ?? []).flatMap((segment) => ('key' in segment ? [segment.key] : []))
  expect(keys.length).toBeGreaterThan(0)
  for (const key of keys) expect(store.blobs.get(key)?.at).toBe(store.now)
  store.blobs.delete(keys[0] ?? '')
  const receipts = out.receipts.length
  const refused = start(pipeline, back({ epoch: 2, generation: null }))
  await expect(refused).rejects.toMatchObject({ code: 'StateCorrupt', details: { segment: keys[0] } })
  await expect(refused).rejects.toThrow('a map) no longer has it: it keeps what no newer checkpoint needs for 1 s')
  expect(out.receipts).toHaveLength(receipts)
})

test('what a new generation has no use for is kept for as long as what any checkpoint drops', async () => {
  const pipeline = counts(true)
  await record(pipeline)
  const newest = recorded.task.state.checkpoint.state?.segments ?? []
  const keys = newest.flatMap((segment) => ('key' in segment ? [segment.key] : []))
  expect(keys.length).toBeGreaterThan(0)
  for (const input of [{ rewind: back({ epoch: 0, generation: null }) }, { fresh: true }]) {
    store.now += 5_000
    await takenOver(contextOf([pipeline], recorded.client), pipeline, {
      until: null,
      fresh: false,
      from: null,
      ...input,
    })
    for (const key of keys) expect(store.blobs.get(key)?.at).toBe(store.now)
  }
})

test('may let go of state that no step takes', async () => {
  const pipeline = counts(false)
  await record(pipeline)
  const to = back({ epoch: 1, generation: null })
  expect(await start(pipeline, to, { allowNonRestoredState: true })).toMatchObject({ allowNonRestoredState: true })
})
