import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { fingerprintOf } from '../../../src/definition/fingerprint.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import type { StateOptions } from '../../../src/definition/state-options.js'
import type { Stream } from '../../../src/definition/stream.js'
import { MemoryStore } from '../state/memory-store.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let log: LogSource
let out: BreakableSink
let store: MemoryStore
let task: Task

/** Counts by last digit, and adds up, in steps of those names; null: there is no such step. */
function totals(counter: string | null, adder: string | null, backed: boolean): Pipeline {
  const keyed = (stream: Stream<number>): Stream<number, number> =>
    stream.keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
  const backend = { kind: 'memory', describe: 'a map', retainMs: 1_000, open: async () => store }
  return definePipeline({
    name: 'totals',
    sources: { numbers: log.source() },
    ...(backed && { state: { backend } }),
    steps: ({ numbers }) => {
      const by = keyed(numbers)
      const sums = adder === null ? by : by.reduce(adder, (a, b) => a + b)
      return (counter === null ? sums : sums.merge('both', by.count(counter))).to('out', out.sink())
    },
  })
}

async function epoch(...values: number[]): Promise<void> {
  log.append(...values)
  // A busy machine takes several for them.
  while (task.position !== String(log.end)) await task.epoch({ checkpointMs: 20 })
}

/** As a deploy does: the next session has other code. */
async function deploy(pipeline: Pipeline, allowed: boolean): Promise<void> {
  await task.lose()
  task.blueprint = blueprintOf(pipeline)
  await task.claim(allowed ? { allowNonRestoredState: true } : {})
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  store = new MemoryStore()
})
afterEach(() => task.lose())

describe.each([['in history', false] as const, ['in a backend', true] as const])('state %s', (_, backed) => {
  beforeEach(async () => {
    task = new Task(totals('count', 'sum', backed))
    await task.claim()
    await epoch(1, 2, 11)
    expect(out.values).toEqual([1, 1, 2, 1, 12, 2])
  })

  test('of a step that is gone is refused, and a step that has none is named beside it', async () => {
    const steps = ["'count values': no step of the plan has it", "'tally': the checkpoint has nothing for it"]
    const refused = deploy(totals('tally', 'sum', backed), false)
    await expect(refused).rejects.toMatchObject({ code: 'PlanIncompatible', details: { steps } })
  })

  test('is let go where that is allowed: the rest goes on, and it never comes back', async () => {
    await deploy(totals(null, 'sum', backed), true)
    await epoch(21)
    expect(out.values.at(-1)).toBe(33)
    // From the first checkpoint on nothing of it is left: no start has to allow it again.
    await deploy(totals('count', 'sum', backed), false)
    await epoch(31)
    expect(out.values.slice(-2)).toEqual([64, 1])
  })

  test('may be all that is let go', async () => {
    await deploy(totals(null, null, backed), true)
    await epoch(21)
    await deploy(totals('count', 'sum', backed), false)
    await epoch(31)
    expect(out.values.slice(-3)).toEqual([21, 31, 1])
  })
})

test('a checkpoint names the plan that made it', async () => {
  const pipeline = totals('count', 'sum', false)
  task = new Task(pipeline)
  await task.claim()
  await epoch(1)
  const { stages, onError, fingerprint } = blueprintOf(pipeline)
  expect(fingerprintOf(stages, onError)).toBe(fingerprint)
  expect(task.state.checkpoint.plan).toBe(fingerprint.slice(0, 16))
  await deploy(totals(null, 'sum', false), true)
  await epoch(2)
  expect(task.state.checkpoint.plan).not.toBe(fingerprint.slice(0, 16))
})

describe('state that the code can not read', () => {
  /** The last number of each digit, as text; `onError: 'skip'` is what must not apply to it. */
  const last = (serde: Serde<number>, versions: Partial<Record<'last' | 'sum', StateOptions>> = {}): Pipeline =>
    definePipeline({
      name: 'totals',
      sources: { numbers: log.source() },
      onError: 'skip',
      steps: ({ numbers }) =>
        numbers
          .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
          .stateful('last', {
            init: () => 0,
            onRecord: (n, state) => {
              const before = state.get()
              state.set(n)
              return [n - before]
            },
            state: { serde, ...versions.last },
          })
          .reduce('sum', (a, b) => a + b, versions.sum)
          .to('out', out.sink()),
    })
  const plain = json() as Serde<number>
  const other: Serde<number> = {
    encode: (n) => Buffer.from(`=${n}`),
    decode: (bytes) => {
      if (bytes[0] !== 61) throw new Error('not mine')
      return Number(Buffer.from(bytes).subarray(1).toString())
    },
  }

  beforeEach(async () => {
    task = new Task(last(plain))
    await task.claim()
    await epoch(11)
  })

  test('makes no record a bad one: the task stops there, and goes on with the serde back', async () => {
    await deploy(last(other), false)
    log.append(12, 21)
    const steps = ["step 'last' can't read what it kept: not mine"]
    await expect(task.epoch({ checkpointMs: 20 })).rejects.toMatchObject({
      code: 'PlanIncompatible',
      details: { steps },
    })
    await deploy(last(plain), false)
    await epoch()
    expect(out.values).toEqual([11, 12, 21])
  })

  test('since migrate throws, is all listed', async () => {
    const migrate = (): never => {
      throw new Error('no way over')
    }
    const refused = deploy(last(plain, { last: { version: 2, migrate }, sum: { version: 3 } }), true)
    const steps = ["'sum values': version 1, this is 3, and migrates nothing", "'last values': no way over"]
    await expect(refused).rejects.toMatchObject({ code: 'PlanIncompatible', retryable: false, details: { steps } })
  })
})
