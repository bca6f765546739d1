import { afterEach, beforeEach, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import { memorySegments } from '../../../src/testing/memory-segments.js'
import { count, until } from './asking.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let log: LogSource
let out: BreakableSink
let beside: BreakableSink
let task: Task
/** Keys of segments that are there. */
let keys: Set<string>

/** In memory, with its keys told. */
function told(): StateBackend {
  const backend = memorySegments()
  return {
    ...backend,
    async open(ctx) {
      const store = await backend.open(ctx)
      return {
        ...store,
        async put(key, blob) {
          keys.add(key)
          await store.put(key, blob)
        },
        async delete(gone) {
          for (const key of gone) keys.delete(key)
          await store.delete(gone)
        },
      }
    },
  }
}

/** PROTOCOL §6: two ledgers behind calls that never answer the same again. */
beforeEach(async () => {
  keys = new Set()
  log = new LogSource()
  out = new BreakableSink('out')
  beside = new BreakableSink('beside')
  let calls = 0
  const pipeline = definePipeline({
    name: 'kept',
    state: { backend: told() },
    sources: { numbers: log.source() },
    steps: ({ numbers }) => {
      const asked = numbers.asyncMap('ask', async (n) => `${n}#${calls++}`)
      return [asked.to('out', out.sink<string>()), asked.to('beside', beside.sink<string>())]
    },
  })
  task = new Task(pipeline, { commitMs: 0 })
  await task.claim()
})
afterEach(async () => {
  await task.lose()
})

test('a command that comes while it catches up waits for that, and is obeyed then', async () => {
  log.append(...count(5))
  await task.lostEpoch(until(5))
  const session = await task.claim()
  expect(session.catchUp.active).toBe(true)
  session.interrupt('interrupted', 1)
  expect(await task.epoch()).toMatchObject({ positions: { numbers: '5' }, read: 5 })
  expect(out.values).toEqual(count(5).map((n) => `${n}#${n}`))
  expect(beside.values).toEqual(out.values)
})

test('what an epoch has left behind that is recorded goes away at the next claim, whatever became of its session', async () => {
  for (let session = 0; session < 3; session++) {
    log.append(...count(3))
    await task.epoch(until(3 * session + 3))
    expect(keys.size).toBeGreaterThan(0)
    await task.again()
    await expect.poll(() => keys.size, { timeout: 10_000 }).toBe(0)
  }
  expect(out.values).toHaveLength(9)
})
