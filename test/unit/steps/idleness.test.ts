import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { transactional } from '../definition/parts.js'
import { StageRun } from './stage-run.js'

const sink = transactional()

interface Value {
  readonly of: 'a' | 'b'
  readonly at: number
  readonly bad?: boolean
}

/** Two streams, merged; a step behind tells the watermark, and timers that it has let through. */
const run = (idleAfter: { a?: number; b?: number }): StageRun<Value> =>
  new StageRun<Value>((s) => {
    const sides = s.branch('of', { a: (v) => v.of === 'a', b: () => true })
    const times = (of: 'a' | 'b') =>
      sides[of].eventTime(`time-${of}`, (v) => v.at, {
        maxDisorder: 0,
        ...(idleAfter[of] === undefined ? {} : { idleAfter: idleAfter[of] }),
      })
    return times('a')
      .merge('both', times('b'))
      .stateful('look', {
        init: () => 0,
        onRecord: (v, _, ctx) => {
          ctx.timers.atEventTime(`t${v.at}`, v.at)
          if (v.bad === true) ctx.reject('bad')
          return [`at ${v.at}: ${ctx.watermark}`]
        },
        onTimer: (_, ctx) => [`timer ${ctx.timer.at}`],
      })
      .to('out', sink)
  })

test('a stream without values holds nobody back once it is idle, which it becomes at the start of an epoch', () => {
  const stage = run({ b: 100 })
  stage.epoch(1_000)
  stage.send({ of: 'a', at: 50 })
  // Quiet since 1,000; by 1,099 not for long enough.
  stage.epoch(1_099)
  expect(stage.values()).toEqual(['at 50: -Infinity'])
  stage.epoch(1_100)
  expect(stage.values()).toEqual(['at 50: -Infinity'])
  stage.send({ of: 'a', at: 60 })
  expect(stage.values().slice(1)).toEqual(['at 60: 49', 'timer 50'])
})

test('what waited comes when the last that held it back becomes idle', () => {
  const stage = run({ b: 100 })
  stage.epoch(1_000)
  for (const at of [50, 60, 70]) stage.send({ of: 'a', at })
  expect(stage.values()).toHaveLength(3)
  stage.cut()
  stage.epoch(1_200)
  expect(stage.values().slice(3)).toEqual(['timer 50', 'timer 60'])
})

test('quiet is counted from the first start of an epoch behind the last value', () => {
  const stage = run({ b: 100 })
  stage.epoch(1_000)
  stage.send({ of: 'b', at: 10 })
  stage.send({ of: 'a', at: 50 })
  // The value may have come just before.
  stage.epoch(1_500)
  stage.send({ of: 'a', at: 60 })
  expect(stage.values()).toEqual(['at 10: -Infinity', 'at 50: -Infinity', 'at 60: 9'])
  stage.epoch(1_600)
  stage.send({ of: 'a', at: 70 })
  expect(stage.values().slice(3)).toEqual(['timer 10', 'timer 50', 'at 70: 59', 'timer 60'])
})

test('its next value takes part again; the watermark never goes back, so it may be late', () => {
  const stage = run({ b: 100 })
  stage.epoch(1_000)
  stage.send({ of: 'a', at: 50 })
  stage.epoch(1_100)
  stage.send({ of: 'b', at: 20 })
  expect(stage.values()).toEqual(['at 50: -Infinity', 'at 20: 49', 'timer 20'])
  stage.cut()
  stage.send({ of: 'a', at: 90 })
  stage.send({ of: 'b', at: 61 })
  stage.send({ of: 'b', at: 62 })
  expect(stage.values().slice(3)).toEqual(['at 90: 49', 'at 61: 49', 'timer 50', 'at 62: 60', 'timer 61'])
})

test('where all are idle the latest counts', () => {
  const stage = run({ a: 100, b: 100 })
  stage.epoch(1_000)
  stage.send({ of: 'a', at: 50 })
  stage.send({ of: 'b', at: 10 })
  stage.epoch(1_001)
  stage.epoch(1_101)
  stage.send({ of: 'b', at: 11 })
  expect(stage.values()).toEqual(['at 50: -Infinity', 'at 10: -Infinity', 'timer 10', 'at 11: 49', 'timer 11'])
})

test('a stream alone is never idle: no epoch starts for it', () => {
  const stage = new StageRun<number>((s) =>
    s.eventTime('t', (v) => v, { maxDisorder: 0, idleAfter: 5 }).to('out', sink),
  )
  stage.send(1)
  expect([stage.stage.time.nextDue, stage.stage.time.dueAt(1e12)]).toEqual([null, false])
  const two = run({ b: 100 })
  two.epoch(1_000)
  expect(two.stage.time.nextDue).toBe(1_100)
  two.epoch(1_100)
  expect([two.stage.time.nextDue, two.stage.time.dueAt(1e12)]).toEqual([null, false])
})

test('restarts and bad records change nothing, and the watermark never goes back', () => {
  const action = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        of: fc.constantFrom('a' as const, 'b' as const),
        at: fc.nat(30),
        bad: fc.nat(5).map((n) => n === 0),
      }),
    },
    { weight: 2, arbitrary: fc.record({ later: fc.nat(80) }) },
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(action, fc.boolean()), { maxLength: 40 }),
      fc.record({ a: fc.integer({ min: 1, max: 100 }), b: fc.integer({ min: 1, max: 100 }) }),
      (actions, idleAfter) => {
        const [plain, cut] = [run(idleAfter), run(idleAfter)]
        let now = 1_000
        for (const [one, cuts] of actions) {
          if (cuts) cut.cut()
          if ('later' in one) {
            now += one.later
            plain.epoch(now)
            cut.epoch(now)
          } else {
            if (!one.bad) plain.send(one)
            expect(cut.send(one)).toBe(!one.bad)
          }
        }
        expect(cut.values()).toEqual(plain.values())
        const watermarks = plain.values().flatMap((told) => /^at \d+: (-?\w+)$/.exec(String(told))?.[1] ?? [])
        expect(watermarks).toEqual(watermarks.toSorted((a, b) => Number(a) - Number(b)))
      },
    ),
    { numRuns: 300 },
  )
})
