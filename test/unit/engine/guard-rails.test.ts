import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { CheckpointOptions, Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import { CheckpointsFailed } from '../../../src/errors/state.js'
import type { Problem } from '../../../src/protocol/checkpoint.js'
import { waitUntil } from '../../setup/wait-until.js'
import { MemoryStore } from '../state/memory-store.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

let log: LogSource
let out: BreakableSink
let store: MemoryStore
let task: Task
/** What status would show, one after the other. */
let told: Problem[]
let toldAt: number[]

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  store = new MemoryStore()
  told = []
  toldAt = []
})
afterEach(async () => {
  store.failure = null
  await task.lose()
})

/** How often each number's last digit has come: what state held shows in every output. */
const counting = (checkpoint: CheckpointOptions): Pipeline =>
  definePipeline({
    name: 'counts',
    sources: { numbers: log.source() },
    checkpoint,
    state: { backend: { kind: 'memory', describe: 'a map', retainMs: 1_000, open: async () => store } },
    steps: ({ numbers }) =>
      numbers
        .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .count('count')
        .to('out', out.sink()),
  })

async function start(checkpoint: CheckpointOptions, commitMs: number | null = 0): Promise<void> {
  const host = hostOf({
    tell: (_, trouble) => {
      told.push(trouble)
      toldAt.push(performance.now())
    },
  })
  task = new Task(counting(checkpoint), { host, commitMs })
  await task.claim()
}

/** Claims again, with other rails. */
async function within(checkpoint: CheckpointOptions): Promise<void> {
  task.blueprint = { ...blueprintOf(counting(checkpoint)), commitMs: 0 }
  await task.again()
}

const failures = (): unknown[] =>
  told.filter(({ code }) => code === 'CheckpointsFailed').map(({ details }) => details['failed'])

/** A second session, without rails to hit, says what of all this is recorded: each output once, and state that fits. */
async function expectGoesOn(outputs: readonly number[]): Promise<void> {
  await within({})
  log.append(91)
  while (task.position !== String(log.end)) await task.epoch({ checkpointMs: 20 })
  expect(out.values).toEqual(outputs)
}

describe('timeout', () => {
  test('gives up a checkpoint whose store fails, counts it, and processing goes on', async () => {
    await start({ timeout: '150ms' })
    store.failure = new Error('disk on fire')
    log.append(1)
    const running = task.epoch({ checkpointMs: 20 })
    await waitUntil(() => failures().length >= 2)
    log.append(11, 21)
    await waitUntil(() => out.values.length === 3)
    expect(failures().slice(0, 2)).toEqual([1, 2])
    expect(told.find(({ code }) => code === 'CheckpointsFailed')).toMatchObject({
      details: { epoch: 1, timeoutMs: 150, tolerableFailures: null, reason: expect.stringContaining('disk on fire') },
      message: expect.stringContaining('a checkpoint of task counts/main/0 failed behind epoch 0'),
    })
    store.failure = null
    expect(await running).toMatchObject({ ended: 'interval', positions: { numbers: '3' } })
    await expectGoesOn([1, 2, 3, 4])
  })

  test('gives up one whose store never answers, as well', async () => {
    await start({ timeout: '150ms' })
    let answer = (): void => {}
    const put = store.put.bind(store)
    store.put = async (key, blob) => {
      await new Promise<void>((resolve) => (answer = resolve))
      await put(key, blob)
    }
    log.append(1)
    const running = task.epoch({ checkpointMs: 20 })
    await waitUntil(() => failures().length >= 2)
    log.append(11)
    await waitUntil(() => out.values.length === 2)
    store.put = put
    answer()
    expect(await running).toMatchObject({ ended: 'interval', positions: { numbers: '2' } })
    await expectGoesOn([1, 2, 3])
  })

  test('gives up one whose sinks take longer to commit; what they committed stays', async () => {
    await start({ timeout: '100ms' }, null)
    let slow = true
    let commits = 0
    out.hook = async (at) => {
      if (at !== 'commit' || !slow) return
      commits++
      slow = false
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    log.append(1)
    expect(await task.epoch({ checkpointMs: 20 })).toMatchObject({ ended: 'interval', positions: { numbers: '1' } })
    expect(commits).toBe(1)
    expect(failures()[0]).toBe(1)
    expect(told[0]?.message).toContain('the sinks took longer to commit')
    await expectGoesOn([1, 2])
  })
})

describe('tolerable failures', () => {
  test('beyond them the session ends, and the task goes on from its last checkpoint', async () => {
    await start({})
    log.append(1)
    await task.epoch({ checkpointMs: 20 })
    await within({ timeout: '100ms', tolerableFailures: 1 })
    store.failure = new Error('down')
    log.append(11, 21)
    const failed = await task.epoch({ checkpointMs: 20 }).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(CheckpointsFailed)
    expect(failed).toMatchObject({ retryable: true, details: { epoch: 2, failed: 2, tolerableFailures: 1 } })
    // The first was tolerated.
    expect(failures()).toEqual([1])
    expect(task.session.closed).toBe(true)
    // What was committed is not taken back, and comes once.
    expect(out.values).toEqual([1, 2, 3])
    store.failure = null
    await expectGoesOn([1, 2, 3, 4])
  })

  test('count anew behind a checkpoint that is made', async () => {
    await start({ timeout: '100ms', tolerableFailures: 20 })
    for (const n of [1, 11]) {
      store.failure = new Error('down')
      log.append(n)
      const running = task.epoch({ checkpointMs: 20 })
      const before = told.length
      await waitUntil(() => told.length > before)
      store.failure = null
      await running
    }
    // Each is tried again with pauses, so there may be several.
    expect(failures().filter((count) => count === 1)).toHaveLength(2)
    await expectGoesOn([1, 2, 3])
  })

  test('are those of a pause, too, which waits for its checkpoint', async () => {
    await start({ timeout: '100ms', tolerableFailures: 2 })
    store.failure = new Error('down')
    log.append(1)
    const running = task.epoch().catch((error: unknown) => error)
    await waitUntil(() => out.values.length === 1)
    task.session.interrupt('interrupted', 1)
    expect(await running).toMatchObject({ code: 'CheckpointsFailed', details: { failed: 3 } })
    expect(failures()).toEqual([1, 2])
    store.failure = null
    await expectGoesOn([1, 2])
  })

  test('a pause that waits for the store says what it waits for', async () => {
    await start({})
    store.failure = new Error('disk on fire')
    log.append(1)
    const running = task.epoch()
    await waitUntil(() => out.values.length === 1)
    task.session.interrupt('interrupted', 1)
    await waitUntil(() => told.length > 0)
    expect(told).toMatchObject([{ code: 'StateBackendUnavailable', message: expect.stringContaining('disk on fire') }])
    store.failure = null
    expect(await running).toMatchObject({ ended: 'interrupted', positions: { numbers: '1' } })
    await expectGoesOn([1, 2])
  })

  test('a sink that never ends its commit is not waited for; the ledger is closed when it does', async () => {
    await start({ timeout: '100ms', tolerableFailures: 0 })
    let answer: (() => void) | undefined
    out.hook = async (at) => {
      if (at === 'commit') await new Promise<void>((resolve) => (answer = resolve))
    }
    log.append(1)
    await expect(task.epoch({ checkpointMs: 20 })).rejects.toThrow('a sink did not answer')
    expect(out.did).not.toContain('close')
    out.hook = () => undefined
    answer?.()
    await waitUntil(() => out.did.includes('close'))
    await expectGoesOn([1, 2])
  })

  test('none of that happens to an epoch that waits for records', async () => {
    await start({ timeout: '100ms', tolerableFailures: 0 })
    expect(await task.epoch({ checkpointMs: 10, idleMs: 500 })).toMatchObject({ ended: 'idle', read: 0 })
  })
})

describe('the minimum pause', () => {
  test('keeps checkpoints apart, where the interval would not', async () => {
    await start({ minPause: '400ms' })
    log.append(1)
    const began = performance.now()
    expect(await task.epoch({ checkpointMs: 20 })).toMatchObject({ ended: 'interval', read: 1 })
    expect(performance.now() - began).toBeGreaterThanOrEqual(399)
    // What commits by its own clock did not wait.
    expect(out.receipts.at(-1)).toMatchObject({ positions: { numbers: '1' } })
    await expectGoesOn([1, 2])
  })

  test('is kept behind a failed one, too, while records go on', async () => {
    await start({ timeout: '100ms', minPause: '400ms' })
    store.failure = new Error('down')
    log.append(1)
    const began = performance.now()
    const running = task.epoch({ checkpointMs: 20 })
    await waitUntil(() => failures().length === 1)
    log.append(11)
    await waitUntil(() => out.values.length === 2)
    await waitUntil(() => failures().length >= 2)
    // Twice the pause, and what each of them took.
    expect((toldAt[1] ?? 0) - began).toBeGreaterThanOrEqual(999)
    store.failure = null
    await running
    await expectGoesOn([1, 2, 3])
  })

  test('holds back no command', async () => {
    await start({ minPause: '10 minutes' })
    log.append(1)
    const running = task.epoch({ checkpointMs: 20 })
    await waitUntil(() => out.values.length === 1)
    task.session.interrupt('interrupted', 1)
    expect(await running).toMatchObject({ ended: 'interrupted', positions: { numbers: '1' } })
  })
})
