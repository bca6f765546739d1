import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect } from '../../../src/definition/aggregators/index.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSink } from '../../../src/definition/define-sink.js'
import { tumbling } from '../../../src/definition/windows.js'
import { stageStates } from '../../../src/engine/stage-states.js'
import { CodeChanged } from '../../../src/errors/sink.js'
import type { MemoryStore } from '../state/memory-store.js'
import type { BreakableSink } from './breakable-sink.js'
import { count, eventually, Gate, until } from './asking.js'
import type { LogSource } from './log-source.js'
import { counted, oneKey, StatefulAsking } from './stateful-asking.js'
import { Task, type TaskOptions } from './task.js'

let scene: StatefulAsking
let log: LogSource
let out: BreakableSink
let store: MemoryStore

beforeEach(() => {
  scene = new StatefulAsking()
  ;({ log, out, store } = scene)
})
afterEach(async () => {
  await scene.task.lose()
})

describe('behind calls', () => {
  test('state sees the records in their order, though calls run side by side', async () => {
    let now = 0
    let most = 0
    await scene.start((numbers) => {
      const asked = numbers.asyncMap('ask', async (n) => {
        most = Math.max(most, ++now)
        await delay(9 - (n % 10))
        now--
        return n
      })
      return counted('count', asked)
    })
    log.append(...count(50))
    await scene.task.epoch(until(50))
    expect(out.values).toEqual(count(50).map((n) => [n, n + 1]))
    expect(most).toBeGreaterThan(1)
  })

  test('what one ledger holds is executed again, with the answers that are kept: state is what it was', async () => {
    await scene.start((numbers) => counted('count', numbers.asyncMap('ask', scene.ask)))
    log.append(...count(5))
    await scene.task.lostEpoch(until(5))
    const before = [...out.values]
    expect(before).toHaveLength(5)
    await scene.task.claim()
    expect(await scene.task.epoch()).toMatchObject({ ended: 'caught-up', read: 5, positions: { numbers: '5' } })
    expect([out.values, scene.calls]).toEqual([before, 5])
    log.append(...count(1))
    await scene.task.epoch(until(6))
    expect(out.values.at(-1)).toEqual([expect.stringContaining('0#'), 6])
  })

  test('answers go away with the epoch that they are of, and what state lies in stays', async () => {
    await scene.start((numbers) => counted('count', numbers.asyncMap('ask', scene.ask)))
    const state = new Set<string>()
    const answers = () => [...store.blobs.keys()].filter((key) => !state.has(key))
    for (let epoch = 1; epoch <= 3; epoch++) {
      log.append(1, 2, 3)
      const result = await scene.task.epoch(until(3 * epoch))
      for (const segment of result.state?.add ?? []) if ('key' in segment) state.add(segment.key)
      expect(answers().length).toBeGreaterThan(0)
      await scene.task.again()
      await expect.poll(answers, { timeout: 10_000 }).toEqual([])
    }
    expect([state.size, store.blobs.size]).toEqual([3, 3])
  })

  test('a record is bad without a trace, wherever it turns out so', async () => {
    await scene.start((numbers) => {
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
    expect(await scene.task.epoch(until(11))).toMatchObject({ read: 11, skipped: 4 })
    const good = [0, 1, 2, 4, 6, 9, 10]
    expect(out.values).toEqual(good.map((n, index) => [n, index + 1, index + 1]))
  })

  test('time goes on behind each record: windows close as they do where nobody waits', async () => {
    await scene.start((numbers) => {
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
    expect(await scene.task.epoch(until(8))).toMatchObject({ late: 1 })
    const tens = (...all: readonly (readonly [number, number])[]) => all
    expect(out.values).toEqual([
      [0, tens([0, 2], [10, 1], [90, 1])],
      [100, tens([100, 1], [150, 1])],
      [200, tens([200, 1])],
    ])
    // The last ones closed at the end of the run, behind calls of their own.
    expect((await scene.task.again()).time.watermark).toBe(204)
  })
})

describe('before calls', () => {
  test('state sees no record while the one before waits for what comes of that, and is committed meanwhile', async () => {
    let now = 0
    await scene.start((numbers) => {
      const first = counted('first', numbers)
      const asked = first.asyncMap('ask', async ([n, nth]) => {
        expect(++now).toBe(1)
        await delay(30)
        now--
        return [n, nth, scene.calls++] as const
      })
      return counted('second', asked)
    })
    log.append(...count(30))
    await scene.task.epoch(until(30))
    expect(out.values).toEqual(count(30).map((n) => [[n, n + 1, n], n + 1]))
    // A slice ends between two of them: nobody has to wait for them all.
    expect(out.receipts.filter(({ epoch }) => epoch === 1).length).toBeGreaterThan(1)
  })

  test('calls that others have made before their turn are not made again in the next slice', async () => {
    const asked: number[] = []
    await scene.start((numbers) => {
      const first = numbers.asyncMap('ask', async (n) => {
        asked.push(n)
        await delay(1)
        return n
      })
      return counted('count', first).asyncMap('again', async (value) => {
        await delay(30)
        return value
      })
    })
    log.append(...count(30))
    await scene.task.epoch(until(30))
    expect(out.receipts.filter(({ epoch }) => epoch === 1).length).toBeGreaterThan(1)
    expect(asked).toEqual(count(30))
  })

  test('turns go on while a call of a later record is slow: nothing can be committed before that anyway', async () => {
    const gate = new Gate()
    const told: number[] = []
    await scene.start((numbers) => {
      const first = numbers.asyncMap('ask', async (n, ctx) => (n === 5 ? await gate.call(n, ctx as never) : n))
      return counted('count', first).asyncMap('tell', async (value) => {
        await delay(60)
        told.push(value[1])
        return value
      })
    })
    log.append(...count(6))
    const running = scene.task.epoch(until(6))
    await eventually(() => told.length === 5)
    gate.open(5)
    await running
    expect(told).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('a command waits for its call no longer than a while; then its record has left nothing, and comes again', async () => {
    const gate = new Gate()
    const ids: string[] = []
    const sink = out.sink<unknown>({ encode: (output) => (ids.push(output.id), output.value) })
    const pipeline = definePipeline({
      name: 'interrupted',
      state: { backend: scene.backend },
      sources: { numbers: log.source() },
      steps: ({ numbers }) => {
        const one = oneKey(numbers)
        const all = counted('count', one)
        const asked = all.asyncMap('ask', async ([n], ctx) => [await gate.call(n, ctx as never), 0] as const)
        return all.merge('both', asked).to('out', sink)
      },
    })
    scene.task = new Task(pipeline, { commitMs: 0 })
    const session = await scene.task.claim()
    log.append(1, 2)
    const running = scene.task.epoch()
    await eventually(() => gate.asked.length === 1)
    gate.open(1)
    await eventually(() => gate.asked.length === 2)
    session.interrupt('interrupted')
    expect(await running).toMatchObject({ ended: 'interrupted', read: 1, positions: { numbers: '1' } })
    expect(gate.signals[1]?.aborted).toBe(true)
    const second = scene.task.epoch(until(2))
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

test('answers that are lost are told, and a rewind to the checkpoint needs none', async () => {
  await scene.start((numbers) => counted('count', numbers.asyncMap('ask', scene.ask)))
  log.append(1)
  await scene.task.epoch(until(1))
  log.append(2, 3)
  await scene.task.lostEpoch(until(3))
  store.blobs.delete(out.newest?.answers ?? '')
  await expect(scene.task.claim()).rejects.toMatchObject({ code: 'StateCorrupt', details: { answers: true } })
  const { checkpoint, generation } = scene.task.state
  const origin = checkpoint.positions
  const rewound = { checkpoint: { ...checkpoint, ledgers: {} }, origin, generation: generation + 1, scheduled: null }
  scene.task.state = { ...scene.task.state, ...rewound }
  await scene.task.claim()
  await scene.task.epoch(until(3))
  expect(out.values.slice(-2)).toEqual([
    [expect.stringMatching(/^2#/), 2],
    [expect.stringMatching(/^3#/), 3],
  ])
})

test('tables are known without a session, for whoever looks at what they hold', async () => {
  await scene.start((numbers) =>
    counted(
      'second',
      counted('first', numbers).asyncMap('ask', async ([n]) => scene.ask(n)),
    ),
  )
  expect(stageStates(scene.task.stage()).versions).toEqual({ first: 1, second: 1 })
})

test('where state comes to a stage that kept no answers, a crash between is a change of code', async () => {
  scene.task = new Task(
    scene.pipelineOf((numbers) => numbers.asyncMap('ask', scene.ask)),
    { commitMs: 0 },
  )
  await scene.task.claim()
  log.append(1, 2)
  await scene.task.lostEpoch(until(2))
  const before = [...out.values]
  const { state, host } = scene.task
  scene.task = new Task(
    scene.pipelineOf((numbers) => counted('count', numbers.asyncMap('ask', scene.ask))),
    { commitMs: 0, host: { ...host, buildId: 'new' } },
  )
  scene.task.state = state
  await scene.task.claim()
  await expect(scene.task.epoch()).rejects.toBeInstanceOf(CodeChanged)
  // Accepted, it goes on: the ledger keeps what it holds, and state is of the same records.
  await scene.task.again({ acceptCodeChange: true })
  await scene.task.epoch()
  log.append(3)
  await scene.task.epoch(until(3))
  expect(out.values).toEqual([...before, [expect.stringMatching(/^3#/), 3]])
})

test('what is held back while catching up goes to no sink, however crowded it is', async () => {
  const sent: string[] = []
  const target = defineSink<string, string>({
    kind: 'target',
    mode: 'idempotent',
    dedupes: true,
    encode: ({ value }) => value,
    open: async () => ({
      write: async (items) => {
        sent.push(...items.map(({ data }) => data))
        return { failed: [] }
      },
      close: async () => undefined,
    }),
  })
  const taskOf = (code: string, more: Partial<TaskOptions>) => {
    const pipeline = definePipeline({
      name: 'held',
      state: { backend: scene.backend },
      sources: { numbers: log.source() },
      steps: ({ numbers }) => {
        const all = counted('count', oneKey(numbers).asyncMap('ask', scene.ask))
        const named = all.map('name', ([answer, nth]) => `${code} ${answer} ${nth}`)
        return [named.to('out', out.sink<string>()), named.to('target', target)]
      },
    })
    return new Task(pipeline, { commitMs: 0, ...more })
  }
  scene.task = taskOf('old', {})
  await scene.task.claim()
  log.append(...count(40))
  await scene.task.lostEpoch(until(40))
  expect([sent.length, out.values.length]).toEqual([40, 40])
  const { state, host } = scene.task
  scene.task = taskOf('new', { host: { ...host, buildId: 'new' } })
  scene.task.state = state
  await scene.task.claim()
  await expect(scene.task.epoch()).rejects.toBeInstanceOf(CodeChanged)
  expect(sent).toHaveLength(40)
})
