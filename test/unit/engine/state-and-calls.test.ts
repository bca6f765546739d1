import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect } from '../../../src/definition/aggregators/index.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import type { Stream } from '../../../src/definition/stream.js'
import { tumbling } from '../../../src/definition/windows.js'
import { stageStates } from '../../../src/engine/stage-states.js'
import { CodeChanged } from '../../../src/errors/sink.js'
import { MemoryStore } from '../state/memory-store.js'
import { BreakableSink, failOnce } from './breakable-sink.js'
import { count, eventually, Gate, until } from './asking.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let log: LogSource
let out: BreakableSink
let store: MemoryStore
let task: Task
/** How often anything was asked. */
let calls: number

const backend: StateBackend = { kind: 'memory', describe: 'a map', retainMs: 1_000, open: async () => store }

type Keyed = Stream<number, number>
type Made = Stream<unknown, number, unknown>

/** All numbers have one key: what one sees of state, all others have done. */
function pipelineOf(steps: (numbers: Keyed) => Made, more: Partial<PipelineOptions<unknown, unknown>> = {}) {
  return definePipeline({
    name: 'stateful',
    state: { backend },
    ...more,
    sources: { numbers: log.source() },
    steps: ({ numbers }) =>
      steps(numbers.keyBy('one', () => 1, { key: json() as Serde<number>, alreadyPartitioned: true })).to(
        'out',
        out.sink<unknown>(),
      ),
  })
}

async function start(steps: (numbers: Keyed) => Made, onError: 'fail' | 'skip' = 'fail'): Promise<void> {
  task = new Task(pipelineOf(steps, { onError }), { commitMs: 0 })
  await task.claim()
}

/** Another answer each time. */
async function ask(n: number): Promise<string> {
  await delay(n % 4)
  return `${n}#${calls++}`
}

/** Each value with what came before it, by one's own count. */
const counted = <T>(id: string, stream: Stream<T, number>) =>
  stream.stateful(id, {
    init: () => 0,
    onRecord(value, state) {
      state.set(state.get() + 1)
      return [[value, state.get()] as const]
    },
  })

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  store = new MemoryStore()
  calls = 0
})
afterEach(async () => {
  await task.lose()
})

describe('behind calls', () => {
  test('state sees the records in their order, though calls run side by side', async () => {
    let now = 0
    let most = 0
    await start((numbers) => {
      const asked = numbers.asyncMap('ask', async (n) => {
        most = Math.max(most, ++now)
        await delay(9 - (n % 10))
        now--
        return n
      })
      return counted('count', asked)
    })
    log.append(...count(50))
    await task.epoch(until(50))
    expect(out.values).toEqual(count(50).map((n) => [n, n + 1]))
    expect(most).toBeGreaterThan(1)
  })

  test('what one ledger holds is executed again, with the answers that are kept: state is what it was', async () => {
    await start((numbers) => counted('count', numbers.asyncMap('ask', ask)))
    log.append(...count(5))
    await task.lostEpoch(until(5))
    const before = [...out.values]
    expect(before).toHaveLength(5)
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', read: 5, positions: { numbers: '5' } })
    expect([out.values, calls]).toEqual([before, 5])
    log.append(...count(1))
    await task.epoch(until(6))
    expect(out.values.at(-1)).toEqual([expect.stringContaining('0#'), 6])
  })

  test('answers go away with the epoch that they are of, and what state lies in stays', async () => {
    await start((numbers) => counted('count', numbers.asyncMap('ask', ask)))
    const state = new Set<string>()
    const answers = () => [...store.blobs.keys()].filter((key) => !state.has(key))
    for (let epoch = 1; epoch <= 3; epoch++) {
      log.append(1, 2, 3)
      const result = await task.epoch(until(3 * epoch))
      for (const segment of result.state?.add ?? []) if ('key' in segment) state.add(segment.key)
      expect(answers().length).toBeGreaterThan(0)
      await task.again()
      await expect.poll(answers, { timeout: 10_000 }).toEqual([])
    }
    expect([state.size, store.blobs.size]).toEqual([3, 3])
  })

  test('a record is bad without a trace, wherever it turns out so', async () => {
    await start((numbers) => {
      const asked = numbers.asyncMap('ask', async (n) => {
        await delay(n % 3)
        if (n === 3) throw new Error('three')
        return n
      })
      const first = counted('first', asked).map('check', ([n, nth]) => {
        if (n === 5) throw new Error('five')
        return [n, nth] as const
      })
      const again = first.asyncMap('again', async (value) => {
        await delay(1)
        if (value[0] === 7) throw new Error('seven')
        return value
      })
      return counted('second', again).map('look', ([[n, one], two], ctx) =>
        n === 8 ? ctx.reject('no') : [n, one, two],
      )
    }, 'skip')
    log.append(...count(11))
    expect(await task.epoch(until(11))).toMatchObject({ read: 11, skipped: 4 })
    const good = [0, 1, 2, 4, 6, 9, 10]
    expect(out.values).toEqual(good.map((n, index) => [n, index + 1, index + 1]))
  })

  test('time goes on behind each record: windows close as they do where nobody waits', async () => {
    await start((numbers) => {
      const timed = numbers
        .eventTime('early', (n) => n, { maxDisorder: 0 })
        .asyncMap('ask', async (n, ctx) => {
          await delay(3 - (n % 4))
          return [n, ctx.timestamp] as const
        })
      const windows = timed.window('tens', tumbling(10), collect())
      return windows
        .map('small', ({ start: at, value }) => [at, value.length] as const)
        .asyncMap('tell', async (value) => {
          await delay(1)
          return value
        })
        .window('hundreds', tumbling(100), collect())
        .map('plain', ({ start: at, value }) => [at, value])
    })
    log.append(1, 5, 12, 3, 99, 101, 150, 205)
    expect(await task.epoch(until(8))).toMatchObject({ late: 1 })
    const tens = (...all: readonly (readonly [number, number])[]) => all
    expect(out.values).toEqual([
      [0, tens([0, 2], [10, 1], [90, 1])],
      [100, tens([100, 1], [150, 1])],
      [200, tens([200, 1])],
    ])
    // The last ones closed at the end of the run, behind calls of their own.
    expect((await task.again()).time.watermark).toBe(204)
  })
})

describe('before calls', () => {
  test('state sees no record while the one before waits for what comes of that, and is committed meanwhile', async () => {
    let now = 0
    await start((numbers) => {
      const first = counted('first', numbers)
      const asked = first.asyncMap('ask', async ([n, nth]) => {
        expect(++now).toBe(1)
        await delay(8)
        now--
        return [n, nth, calls++] as const
      })
      return counted('second', asked)
    })
    log.append(...count(100))
    await task.epoch(until(100))
    expect(out.values).toEqual(count(100).map((n) => [[n, n + 1, n], n + 1]))
    // A slice ends between two of them: nobody has to wait for them all.
    expect(out.receipts.filter(({ epoch }) => epoch === 1).length).toBeGreaterThan(1)
  })

  test('calls that others have made before their turn are not made again in the next slice', async () => {
    const asked: number[] = []
    await start((numbers) => {
      const first = numbers.asyncMap('ask', async (n) => {
        asked.push(n)
        await delay(1)
        return n
      })
      return counted('count', first).asyncMap('again', async (value) => {
        await delay(8)
        return value
      })
    })
    log.append(...count(100))
    await task.epoch(until(100))
    expect(out.receipts.filter(({ epoch }) => epoch === 1).length).toBeGreaterThan(1)
    expect(asked).toEqual(count(100))
  })

  test('a command waits for its call no longer than a while; then its record has left nothing, and comes again', async () => {
    const gate = new Gate()
    const ids: string[] = []
    const sink = out.sink<unknown>({ encode: (output) => (ids.push(output.id), output.value) })
    const pipeline = definePipeline({
      name: 'interrupted',
      state: { backend },
      sources: { numbers: log.source() },
      steps: ({ numbers }) => {
        const one = numbers.keyBy('one', () => 1, { key: json() as Serde<number>, alreadyPartitioned: true })
        const all = counted('count', one)
        const asked = all.asyncMap('ask', async ([n], ctx) => [await gate.call(n, ctx as never), 0] as const)
        return all.merge('both', asked).to('out', sink)
      },
    })
    task = new Task(pipeline, { commitMs: 0 })
    const session = await task.claim()
    log.append(1, 2)
    const running = task.epoch()
    await eventually(() => gate.asked.length === 1)
    gate.open(1)
    await eventually(() => gate.asked.length === 2)
    session.interrupt('interrupted')
    expect(await running).toMatchObject({ ended: 'interrupted', read: 1, positions: { numbers: '1' } })
    expect(gate.signals[1]?.aborted).toBe(true)
    const second = task.epoch(until(2))
    await eventually(() => gate.asked.length === 3)
    gate.open(2)
    await second
    expect(out.values).toEqual([
      [1, 1],
      [1, 0],
      [2, 2],
      [2, 0],
    ])
    expect(ids.map((id) => id.split('/').at(-1))).toEqual([
      'numbers-0-0-0',
      'numbers-0-0-1',
      'numbers-0-1-0',
      'numbers-0-1-0',
      'numbers-0-1-1',
    ])
  })
})

describe('what time does', () => {
  /** A timer for each number, half a second behind its epoch's time: asked for, and counted. */
  const timers = (numbers: Keyed): Made => {
    const set = numbers.stateful('timers', {
      init: () => 0,
      onRecord(n, _, ctx) {
        ctx.timers.atProcessingTime(String(n), ctx.now + 500)
        return []
      },
      onTimer: (_, ctx) => [Number(ctx.timer.name)],
    })
    return counted(
      'count',
      set.asyncMap('ask', async (n, ctx) => `${await ask(n)} ${ctx.idempotencyKey}`),
    )
  }
  const seen = () => out.values.map((value) => String(value))

  test('at an epoch’s start is asked for as well, once, whatever is lost behind its commit', async () => {
    await start(timers)
    log.append(1, 2)
    await task.epoch(until(2))
    expect(out.values).toEqual([])
    out.hook = failOnce('committed', new Error('lost'))
    log.append(3)
    await task.lostEpoch(until(3))
    const before = seen()
    expect(before).toEqual([
      expect.stringMatching(/^1#\d stateful\/main\/numbers-0-2~t2-ask-0,1$/),
      expect.stringMatching(/^2#\d stateful\/main\/numbers-0-2~t2-ask-1,2$/),
    ])
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up' })
    expect([seen(), calls]).toEqual([before, 2])
  })

  test('a call of it that fails parks the task, and nothing has happened', async () => {
    await start((numbers) => {
      const set = numbers.stateful('timers', {
        init: () => 0,
        onRecord(n, state, ctx) {
          ctx.timers.atProcessingTime('timer', ctx.now + 500)
          state.set(n)
          return []
        },
        onTimer(state) {
          state.set(state.get() + 1)
          return [state.get()]
        },
      })
      return set.asyncMap('ask', async (n) => {
        if (calls++ === 0) throw new Error('down')
        return n
      })
    }, 'skip')
    log.append(7)
    await task.epoch(until(1))
    expect(await task.epoch()).toMatchObject({
      ended: 'problem',
      positions: { numbers: '1' },
      problem: { code: 'StepFailed', details: { step: 'ask' } },
    })
    await task.again()
    log.append(0)
    await task.epoch(until(2))
    expect(out.values).toEqual([8])
  })

  test('at the end of a bounded run is executed again as it was', async () => {
    await start((numbers) => {
      const windows = numbers.eventTime('time', (n) => n, { maxDisorder: 0 }).window('tens', tumbling(10), collect())
      return windows.asyncMap('ask', async ({ start: at }) => await ask(at))
    })
    log.append(1, 11, 21)
    await task.lostEpoch(until(3))
    const before = [...out.values]
    expect(before.map((value) => String(value).split('#')[0])).toEqual(['0', '10', '20'])
    await task.claim()
    expect(await task.epoch(until(3))).toMatchObject({ ended: 'until' })
    expect([out.values, calls]).toEqual([before, 3])
  })
})

test('tables are known without a session, for whoever looks at what they hold', async () => {
  await start((numbers) =>
    counted(
      'second',
      counted('first', numbers).asyncMap('ask', async ([n]) => ask(n)),
    ),
  )
  expect(stageStates(task.stage()).versions).toEqual({ first: 1, second: 1 })
})

test('where state comes to a stage that kept no answers, a crash between is a change of code', async () => {
  task = new Task(
    pipelineOf((numbers) => numbers.asyncMap('ask', ask), {}),
    { commitMs: 0 },
  )
  await task.claim()
  log.append(1, 2)
  await task.lostEpoch(until(2))
  const before = [...out.values]
  const { state, host } = task
  task = new Task(
    pipelineOf((numbers) => counted('count', numbers.asyncMap('ask', ask))),
    { commitMs: 0, host: { ...host, buildId: 'new' } },
  )
  task.state = state
  await task.claim()
  await expect(task.epoch()).rejects.toBeInstanceOf(CodeChanged)
  // Accepted, it goes on: the ledger keeps what it holds, and state is of the same records.
  await task.again({ acceptCodeChange: true })
  await task.epoch()
  log.append(3)
  await task.epoch(until(3))
  expect(out.values).toEqual([...before, [expect.stringMatching(/^3#/), 3]])
})
