import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect } from '../../../src/definition/aggregators/index.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Output } from '../../../src/definition/sink.js'
import { tumbling } from '../../../src/definition/windows.js'
import { type BreakableSink, failOnce } from './breakable-sink.js'
import { count, until } from './asking.js'
import type { LogSource } from './log-source.js'
import { counted, type Keyed, type Made, oneKey, StatefulAsking } from './stateful-asking.js'

let scene: StatefulAsking
let log: LogSource
let out: BreakableSink

beforeEach(() => {
  scene = new StatefulAsking()
  ;({ log, out } = scene)
})
afterEach(async () => {
  await scene.task.lose()
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
      set.asyncMap('ask', async (n, ctx) => `${await scene.ask(n)} ${ctx.idempotencyKey}`),
    )
  }
  const seen = () => out.values.map((value) => String(value))

  test('at an epoch’s start is asked for as well, once, whatever is lost behind its commit', async () => {
    await scene.start(timers)
    log.append(1, 2)
    await scene.task.epoch(until(2))
    expect(out.values).toEqual([])
    out.hook = failOnce('committed', new Error('lost'))
    log.append(3)
    await scene.task.lostEpoch(until(3))
    const before = seen()
    expect(before).toEqual([
      expect.stringMatching(/^1#\d stateful\/main\/numbers-0-2~t2-ask-0,1$/),
      expect.stringMatching(/^2#\d stateful\/main\/numbers-0-2~t2-ask-1,2$/),
    ])
    await scene.task.claim()
    expect(await scene.task.epoch()).toMatchObject({ ended: 'caught-up' })
    expect([seen(), scene.calls]).toEqual([before, 2])
  })

  test('keeps no record from being taken, however long its calls take at each epoch’s start', async () => {
    await scene.start((numbers) => {
      const set = numbers.stateful('timers', {
        init: () => 0,
        onRecord(n, _, ctx) {
          ctx.timers.atProcessingTime('again', ctx.now + 500)
          return [n]
        },
        onTimer(_, ctx) {
          ctx.timers.atProcessingTime('again', ctx.now + 500)
          return [0]
        },
      })
      return set.asyncMap('ask', async (n) => {
        // An epoch in which nothing comes for a second leaves what comes then to the next one.
        if (n === 0) await delay(1_100)
        return n
      })
    })
    log.append(1)
    await scene.task.epoch(until(1))
    log.append(2)
    for (let epoch = 0; epoch < 4 && scene.task.position !== '2'; epoch++) await scene.task.epoch(until(2))
    expect(out.values).toContain(2)
  })

  test('does not stand still while calls come back, however many there are', async () => {
    const pipeline = definePipeline({
      name: 'timers',
      state: { backend: scene.backend },
      checkpoint: { timeout: 1_000, tolerableFailures: 0 },
      sources: { numbers: log.source() },
      steps: ({ numbers }) => {
        const set = oneKey(numbers).stateful('timers', {
          init: () => 0,
          onRecord(n, _, ctx) {
            ctx.timers.atProcessingTime(String(n), ctx.now + 500)
            return []
          },
          onTimer: (_, ctx) => [Number(ctx.timer.name)],
        })
        const ask = async (n: number): Promise<number> => {
          await delay(150)
          return n
        }
        return set.asyncMap('ask', ask, { concurrency: 1 }).to('out', out.sink<number>())
      },
    })
    await scene.run(pipeline)
    log.append(...count(12))
    await scene.task.epoch(until(12))
    await scene.task.epoch({ checkpointMs: 10, idleMs: 10 })
    expect(out.values).toHaveLength(12)
  })

  test('a call of it that fails parks the task, and nothing has happened', async () => {
    await scene.start((numbers) => {
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
        if (scene.calls++ === 0) throw new Error('down')
        return n
      })
    }, 'skip')
    log.append(7)
    await scene.task.epoch(until(1))
    expect(await scene.task.epoch()).toMatchObject({
      ended: 'problem',
      positions: { numbers: '1' },
      problem: { code: 'StepFailed', details: { step: 'ask' } },
    })
    await scene.task.again()
    log.append(0)
    await scene.task.epoch(until(2))
    expect(out.values).toEqual([8])
  })

  test('at the end of a bounded run is executed again as it was', async () => {
    await scene.start((numbers) => {
      const windows = numbers.eventTime('time', (n) => n, { maxDisorder: 0 }).window('tens', tumbling(10), collect())
      return windows.asyncMap('ask', async ({ start: at }) => await scene.ask(at))
    })
    log.append(1, 11, 21)
    await scene.task.lostEpoch(until(3))
    const before = [...out.values]
    expect(before.map((value) => String(value).split('#')[0])).toEqual(['0', '10', '20'])
    await scene.task.claim()
    expect(await scene.task.epoch(until(3))).toMatchObject({ ended: 'until' })
    expect([out.values, scene.calls]).toEqual([before, 3])
  })
})

test('an event time that one way has given is not that of another', async () => {
  const times: number[] = []
  const encode = ({ value, timestamp }: Output<number>) => (times.push(timestamp), value)
  const sink = () => out.sink<number>({ scope: 'one', encode })
  const pipeline = definePipeline({
    name: 'timed',
    state: { backend: scene.backend },
    sources: { numbers: log.source() },
    steps: ({ numbers }) => {
      const timed = numbers.eventTime('time', (n) => n, { maxDisorder: 0 }).asyncMap('ask', async (n) => -n)
      return [timed.to('timed', sink()), numbers.asyncMap('other', async (n) => n).to('plain', sink())]
    },
  })
  await scene.run(pipeline)
  log.append(1, 2)
  await scene.task.epoch(until(2))
  expect(out.values).toEqual([-1, 1, -2, 2])
  // A record's own time is ten times its number here.
  expect(times).toEqual([1, 10, 2, 20])
})
