import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { explain } from '../../../src/definition/explain.js'
import type { Pipeline, PipelineOptions } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import type { InvalidDefinition } from '../../../src/errors/definition.js'
import {
  PlanIncompatible,
  StateBackendMissing,
  StateBackendUnavailable,
  StateCorrupt,
  StateNotKeepable,
} from '../../../src/errors/state.js'
import type { Problem } from '../../../src/protocol/checkpoint.js'
import { waitUntil } from '../../setup/wait-until.js'
import { MemoryStore } from '../state/memory-store.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task, type TaskOptions } from './task.js'

let log: LogSource
let out: BreakableSink
let store: MemoryStore
let task: Task
let opened: unknown[]

const backend = (more: Partial<StateBackend> = {}): StateBackend => ({
  kind: 'memory',
  describe: 'a map',
  retainMs: 1_000,
  open: async (ctx) => {
    opened.push(ctx)
    return store
  },
  ...more,
})

/** How often each number's last digit has come. */
const counting = (state?: PipelineOptions<unknown, unknown>['state'], id = 'count'): Pipeline =>
  definePipeline({
    name: 'counts',
    sources: { numbers: log.source() },
    ...(state !== undefined && { state }),
    steps: ({ numbers }) =>
      numbers
        .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .count(id)
        .to('out', out.sink()),
  })

async function start(pipeline: Pipeline, options: TaskOptions = {}): Promise<void> {
  task = new Task(pipeline, options)
  await task.claim()
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  store = new MemoryStore()
  opened = []
})
afterEach(async () => {
  await task.lose()
})

describe('with a state backend', () => {
  test('what a session knew is there in the next', async () => {
    await start(counting({ backend: backend() }))
    expect(opened[0]).toMatchObject({ namespace: 'unit', pipeline: 'counts', stage: 'main', partition: 0 })
    log.append(1, 2, 11)
    const { state } = await task.epoch({ checkpointMs: 200 })
    expect(state).toEqual({
      add: [{ key: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: expect.any(Number) }],
      drop: 0,
      versions: { count: 1 },
    })
    await task.again()
    log.append(21)
    await task.epoch({ checkpointMs: 200 })
    expect(out.values).toEqual([1, 1, 2, 3])
    expect(store.closed).toBe(true)
  })

  test('an outage delays checkpoints, not outputs; it is told, and loses nothing', async () => {
    const told: Problem[] = []
    const host = hostOf({ tell: (_, trouble) => told.push(trouble) })
    await start(counting({ backend: backend() }), { host, commitMs: 0 })
    store.failure = new Error('down')
    log.append(1)
    let ended = false
    const running = task.epoch({ checkpointMs: 200 }).finally(() => (ended = true))
    await waitUntil(() => out.values.length === 1)
    await delay(300)
    log.append(11, 21)
    await waitUntil(() => out.values.length === 3)
    await waitUntil(() => told.length > 0)
    expect(told).toEqual([expect.objectContaining({ code: 'StateBackendUnavailable' })])
    expect(ended).toBe(false)
    store.failure = null
    expect(await running).toMatchObject({ ended: 'interval', positions: { numbers: '3' } })
    expect(told).toHaveLength(1)
    await task.again()
    log.append(31)
    await task.epoch({ checkpointMs: 200 })
    expect(out.values).toEqual([1, 2, 3, 4])
  })

  test('trouble with the source meanwhile does not wait for the end of an outage', async () => {
    await start(counting({ backend: backend() }), { commitMs: 0 })
    store.failure = new Error('down')
    log.append(1)
    const running = task.epoch({ checkpointMs: 200 })
    await waitUntil(() => out.values.length === 1)
    log.openErrors.push(...Array.from({ length: 5 }, () => new Error('no broker')))
    log.pollErrors.push(new Error('connection lost'))
    log.append(11)
    await waitUntil(() => log.openErrors.length === 0)
    log.append(21)
    await waitUntil(() => out.values.length === 3)
    store.failure = null
    expect(await running).toMatchObject({ ended: 'interval', read: 3 })
  })

  test('a session that is lost in an outage goes on from the last checkpoint, and outputs come once', async () => {
    await start(counting({ backend: backend() }), { commitMs: 0 })
    log.append(1)
    await task.epoch({ checkpointMs: 200 })
    store.failure = new Error('down')
    log.append(11, 21)
    const lost = task.lostEpoch({ checkpointMs: 200 })
    await waitUntil(() => out.values.length === 3)
    await task.lose()
    await lost
    store.failure = null
    await task.claim()
    log.append(31)
    await task.epoch({ checkpointMs: 200 })
    await task.epoch({ checkpointMs: 200 })
    expect(out.values).toEqual([1, 2, 3, 4])
  })

  test('a backend that is not there fails the claim, which is tried again', async () => {
    const down = new Error('ECONNREFUSED')
    task = new Task(counting({ backend: backend({ open: () => Promise.reject(down) }) }))
    await expect(task.claim()).rejects.toMatchObject({ code: 'StateBackendUnavailable', retryable: true, cause: down })
    expect(out.did.at(-1)).toBe('close')
  })

  test('segments that cannot be read fail it, too; those that are wrong or gone are corrupt', async () => {
    await start(counting({ backend: backend() }))
    log.append(1)
    await task.epoch({ checkpointMs: 200 })
    store.failure = new Error('down')
    await expect(task.again()).rejects.toBeInstanceOf(StateBackendUnavailable)
    store.failure = null
    const [[key, found] = ['', undefined]] = [...store.blobs]
    store.blobs.set(key, { at: 0, blob: Buffer.from([...(found?.blob ?? [])].toReversed()) })
    const corrupt = await task.again().catch((error: unknown) => error)
    expect(corrupt).toBeInstanceOf(StateCorrupt)
    expect(corrupt).toMatchObject({ retryable: false, details: { segment: key } })
    store.blobs.clear()
    await expect(task.again()).rejects.toThrow(
      `segment ${key} of the state of task counts/main/0 cannot be read: it is not in the state backend (a map): is that the one it was stored in?`,
    )
  })

  test('state in history goes on in a backend, but not the other way round', async () => {
    await start(counting())
    log.append(1)
    await task.epoch({ checkpointMs: 200 })
    await task.lose()
    const before = task.state
    task = new Task(counting({ backend: backend() }))
    task.state = before
    await task.claim()
    log.append(11)
    await task.epoch({ checkpointMs: 200 })
    expect(out.values).toEqual([1, 2])
    await task.lose()
    const after = task.state
    task = new Task(counting())
    task.state = after
    await expect(task.claim()).rejects.toBeInstanceOf(StateBackendMissing)
  })

  test.each([
    ['in history', false],
    ['in a backend', true],
  ])('a value that can not be kept %s names its step and its place', async (_, backed) => {
    class Money {
      readonly cents = 1
    }
    const pipeline = definePipeline({
      name: 'totals',
      sources: { numbers: log.source() },
      ...(backed && { state: { backend: backend() } }),
      steps: ({ numbers }) =>
        numbers
          .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
          .aggregate('sum', { init: () => ({ total: new Money() }), add: (acc) => acc, result: () => 1 })
          .to('out', out.sink()),
    })
    await start(pipeline)
    log.append(1)
    const error: unknown = await task.epoch({ checkpointMs: 200 }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StateNotKeepable)
    expect(error).toMatchObject({
      retryable: false,
      details: { pipeline: 'totals', stage: 'main', partition: 0, step: 'sum' },
      message: expect.stringContaining("at .total: state can't hold an object of class Money"),
    })
  })

  test('state of a step that is gone is not left behind in silence', async () => {
    await start(counting({ backend: backend() }))
    log.append(1)
    await task.epoch({ checkpointMs: 200 })
    await task.lose()
    const before = task.state
    task = new Task(counting({ backend: backend() }, 'other'))
    task.state = before
    await expect(task.claim()).rejects.toBeInstanceOf(PlanIncompatible)
  })
})

describe('as an option', () => {
  const faultsOf = (state: unknown): unknown => {
    try {
      counting(state as never)
      return []
    } catch (error) {
      return (error as InvalidDefinition).details.faults
    }
  }

  test('the plan says where state lies', async () => {
    expect(explain(counting()).state).toBe('workflow history')
    const pipeline = counting({ backend: backend() })
    expect(explain(pipeline).state).toBe('a map')
    await start(pipeline)
    const none = definePipeline({
      name: 'none',
      sources: { numbers: log.source() },
      state: { backend: backend() },
      steps: ({ numbers }) => numbers.to('out', out.sink()),
    })
    expect(explain(none).state).toBeNull()
  })

  test.each([
    ['no backend', { backend: 'disk' }, 'state.backend', 'is no state backend'],
    ['a broken one', { backend: { ...backend(), open: 1 } }, 'state.backend.open', 'must be a function'],
    ['a limit beside it', { backend: backend(), inlineLimit: '1 MiB' }, 'state.inlineLimit', 'goes without `backend`'],
    [
      'its own faults',
      { backend: backend({ faults: [{ path: 'bucket', message: 'is missing' }] }) },
      'state.backend.bucket',
      'is missing',
    ],
  ])('%s is a fault', async (_, state, path, message) => {
    await start(counting())
    expect(faultsOf(state)).toEqual([expect.objectContaining({ path, message: expect.stringContaining(message) })])
  })
})
