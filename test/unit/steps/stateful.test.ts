import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StatefulContext, TimerContext } from '../../../src/definition/stateful-step.js'
import type { EventTime } from '../../../src/definition/marks.js'
import { text } from '../../../src/definition/serdes/index.js'
import { transactional } from '../definition/parts.js'
import { StageRun } from './stage-run.js'

const sink = transactional()
type Ctx = StatefulContext<string, EventTime>
type TCtx = TimerContext<string, EventTime>

interface Value {
  readonly at: number
  /** What is done with it. */
  readonly act?: (ctx: Ctx) => void
}

/** Event time, and a step that does what each value says; firing timers come out as texts. */
function timers(onTimer: (ctx: TCtx) => void = () => {}): StageRun<Value> {
  return new StageRun<Value>((s) =>
    s
      .eventTime('when', (v) => v.at, { maxDisorder: 0 })
      .stateful('timers', {
        init: () => 0,
        onRecord: (v, _, ctx) => (v.act?.(ctx), []),
        onTimer: (_, ctx) => {
          onTimer(ctx)
          return [`${ctx.timer.clock} ${ctx.key} ${ctx.timer.name} ${ctx.timer.at}`]
        },
      })
      .to('out', sink),
  )
}

test('state per key, changed by set only, gone after clear', () => {
  const run = new StageRun<'add' | 'clear' | 'look'>((s) =>
    s
      .stateful('n', {
        init: () => ({ n: 10 }),
        onRecord: (v, state) => {
          const { n } = state.get()
          if (v === 'add') state.set({ n: n + 1 })
          if (v === 'clear') state.clear()
          return [n, state.get().n]
        },
      })
      .to('out', sink),
  )
  run.send('add', { key: 'a' })
  run.cut()
  run.send('look', { key: 'b' })
  run.send('add', { key: 'a' })
  run.send('clear', { key: 'a' })
  run.cut()
  run.send('look', { key: 'a' })
  expect(run.values()).toEqual([10, 11, 10, 10, 11, 12, 12, 10, 10, 10])
})

test('state of undefined, and results that are no array, make a bad record', () => {
  for (const [result, why] of [
    ['text', /array/],
    [Promise.resolve([]), /promise/],
    [undefined, /array/],
  ] as const) {
    const run = new StageRun<number>((s) =>
      s.stateful('n', { init: () => 0, onRecord: () => result as unknown as number[] }).to('out', sink),
    )
    expect(run.send(1)).toBe(false)
    expect(String(run.failure)).toMatch(why)
  }
  const run = new StageRun<number>((s) =>
    s
      .stateful('n', {
        init: (): number | undefined => 0,
        onRecord: (_, state) => {
          state.set(undefined)
          return []
        },
      })
      .to('out', sink),
  )
  expect(run.send(1)).toBe(false)
  expect(String(run.failure)).toMatch(/clear\(\)/)
})

test('a serde writes and reads state', () => {
  const run = new StageRun<number>((s) =>
    s
      .stateful('n', {
        init: () => 'x',
        onRecord: (_, state) => {
          state.set(`${state.get()}y`)
          return [state.get()]
        },
        state: { serde: text() },
      })
      .to('out', sink),
  )
  run.send(1)
  run.cut()
  run.send(1)
  expect(run.values()).toEqual(['xy', 'xyy'])
})

test('timers of event time fire behind the record that moves the watermark to them, by time, key and name', () => {
  const run = timers()
  const set =
    (...due: readonly (readonly [string, number])[]) =>
    (ctx: Ctx) => {
      for (const [name, at] of due) ctx.timers.atEventTime(name, at)
    }
  run.send({ at: 0, act: set(['b', 5], ['a', 5], ['late', 30]) }, { key: 'two' })
  run.send({ at: 0, act: set(['z', 5], ['early', 4]) }, { key: 'one' })
  run.send({ at: 0, act: set(['c', 5]) }, { key: 'one\0' })
  run.cut()
  run.send({ at: 5 })
  expect(run.values()).toEqual(['event one early 4'])
  run.send({ at: 6 })
  expect(run.out).toEqual([
    ['out', 'event one early 4', 'one', 4],
    ['out', 'event one z 5', 'one', 5],
    ['out', 'event one\0 c 5', 'one\0', 5],
    ['out', 'event two a 5', 'two', 5],
    ['out', 'event two b 5', 'two', 5],
  ])
  run.end()
  expect(run.values().at(-1)).toBe('event two late 30')
})

test('setting again moves a timer, to the other clock too; cancel takes it away', () => {
  const run = timers()
  run.send({
    at: 0,
    act: ({ timers: t }) => {
      t.atEventTime('moved', 5)
      t.atEventTime('moved', 8)
      t.atEventTime('changed', 5)
      t.atProcessingTime('changed', 100)
      t.atProcessingTime('back', 100)
      t.atEventTime('back', 7)
      t.atEventTime('gone', 5)
      t.cancel('gone')
      t.cancel('never')
    },
  })
  run.cut()
  run.send({ at: 20 })
  expect(run.stage.time.nextDue).toBe(100)
  run.epoch(99)
  run.epoch(100)
  expect(run.stage.time.nextDue).toBe(null)
  expect(run.values()).toEqual(['event k back 7', 'event k moved 8', 'processing k changed 100'])
})

test('processing timers fire at the start of epochs, with its time', () => {
  const run = timers()
  run.send({ at: 0, act: ({ timers: t }) => t.atProcessingTime('p', 50) }, { key: 'ö' })
  run.cut(true)
  expect([run.stage.time.dueAt(49), run.stage.time.dueAt(50)]).toEqual([false, true])
  run.epoch(70)
  expect(run.out).toEqual([['out', 'processing ö p 50', 'ö', 70]])
})

test('a timer that sets itself again fires as often as time has passed, and not for ever', () => {
  const every = timers((ctx) => ctx.timers.atEventTime(ctx.timer.name, ctx.timer.at + 10))
  every.send({ at: 0, act: ({ timers: t }) => t.atEventTime('t', 10) })
  every.send({ at: 36 })
  expect(every.values()).toEqual(['event k t 10', 'event k t 20', 'event k t 30'])
  // All there is to come has come: once.
  every.end()
  expect(every.values().slice(3)).toEqual(['event k t 40'])

  const stuck = timers((ctx) => ctx.timers.atEventTime(ctx.timer.name, ctx.timer.at))
  stuck.send({ at: 0, act: ({ timers: t }) => t.atEventTime('t', 10) })
  stuck.send({ at: 36 })
  expect(stuck.values().length).toBe(1)
  stuck.cut()
  stuck.send({ at: 37 })
  expect(stuck.values().length).toBe(2)

  const due = timers((ctx) => ctx.timers.atProcessingTime(ctx.timer.name, ctx.now))
  due.send({ at: 0, act: ({ timers: t }) => t.atProcessingTime('t', 10) })
  due.epoch(36)
  expect(due.values().length).toBe(1)
  due.epoch(36)
  expect(due.values().length).toBe(2)
})

test('a timer that another one cancels or moves in its round does not fire', () => {
  const run = timers((ctx) => {
    ctx.timers.cancel('b')
    ctx.timers.atEventTime('c', 1000)
  })
  run.send({
    at: 0,
    act: ({ timers: t }) => {
      for (const name of ['a', 'b', 'c']) t.atEventTime(name, 5)
    },
  })
  run.send({ at: 6 })
  expect(run.values()).toEqual(['event k a 5'])
})

test('a record that is bad behind its state and timers leaves neither', () => {
  const run = new StageRun<number>((s) =>
    s
      .eventTime('when', (v) => v, { maxDisorder: 0 })
      .stateful('n', {
        init: () => 0,
        onRecord: (v, state, ctx) => {
          state.set(state.get() + 1)
          ctx.timers.atEventTime('t', 10 + v)
          return [`${v}: ${state.get()}`]
        },
        onTimer: (state, ctx) => [`${ctx.timer.at}: ${state.get()}`],
      })
      .map('good', (v, ctx) => (v === '5: 2' ? ctx.reject('bad') : v))
      .to('out', sink),
  )
  for (const value of [1, 5, 14]) run.send(value)
  expect(run.values()).toEqual(['1: 1', '14: 2'])
  run.send(40)
  run.end()
  expect(run.values().slice(2)).toEqual(['40: 3', '50: 3'])
})

test('a timer whose function throws takes the record back, and fires again with the next', () => {
  let fails = true
  const run = timers(() => {
    if (fails) throw new Error('not yet')
  })
  run.send({ at: 0, act: ({ timers: t }) => t.atEventTime('t', 5) })
  expect(run.send({ at: 9 })).toBe(false)
  expect(run.stage.time.watermark).toBe(-1)
  fails = false
  run.cut()
  run.send({ at: 6 })
  expect(run.values()).toEqual(['event k t 5'])
})

test('names and times of timers are checked, and that there is event time', () => {
  for (const act of [
    (ctx: Ctx) => ctx.timers.atEventTime('t', Number.NaN),
    (ctx: Ctx) => ctx.timers.atEventTime('t', Infinity),
    (ctx: Ctx) => ctx.timers.atProcessingTime('t', new Date(5) as unknown as number),
    (ctx: Ctx) => ctx.timers.atProcessingTime(5 as unknown as string, 5),
  ]) {
    const run = timers()
    expect(run.send({ at: 0, act })).toBe(false)
    expect(run.failure).toBeInstanceOf(TypeError)
  }
  const untimed = new StageRun<Value>((s) =>
    s.stateful('n', { init: () => 0, onRecord: (v, _, ctx) => (v.act?.(ctx as unknown as Ctx), []) }).to('out', sink),
  )
  expect(untimed.send({ at: 0, act: (ctx) => ctx.timers.atEventTime('t', 5) })).toBe(false)
  expect(String(untimed.failure)).toMatch(/call \.eventTime/)
})

const acts = fc.array(
  fc.record({
    at: fc.integer({ min: -20, max: 60 }),
    key: fc.constantFrom('a', 'b', 'a\0'),
    name: fc.constantFrom('x', 'y'),
    does: fc.constantFrom('set', 'cancel', 'nothing'),
    due: fc.integer({ min: -20, max: 60 }),
    bad: fc.boolean(),
    cut: fc.boolean(),
  }),
  { maxLength: 30 },
)

/** Each time one timer of any is looked for, the least of all by (time, key, name). */
test('timers against a naive model, with cuts and bad records', () => {
  fc.assert(
    fc.property(acts, (sent) => {
      const run = timers()
      const model = new Map<string, { at: number; key: string; name: string }>()
      const expected: string[] = []
      let latest = -Infinity
      const fire = (watermark: number): void => {
        const due = [...model.values()].filter(({ at }) => at <= watermark)
        due.sort((a, b) => a.at - b.at || (a.key === b.key ? (a.name < b.name ? -1 : 1) : a.key < b.key ? -1 : 1))
        for (const { at, key, name } of due) {
          expected.push(`event ${key} ${name} ${at}`)
          model.delete(`${key}/${name}`)
        }
      }
      for (const { at, key, name, does, due, bad, cut } of sent) {
        if (cut) run.cut()
        const act = (ctx: Ctx): void => {
          if (does === 'set') ctx.timers.atEventTime(name, due)
          if (does === 'cancel') ctx.timers.cancel(name)
          if (bad) ctx.reject('bad')
        }
        expect(run.send({ at, act }, { key })).toBe(!bad)
        if (bad) continue
        if (does === 'set') model.set(`${key}/${name}`, { at: due, key, name })
        if (does === 'cancel') model.delete(`${key}/${name}`)
        if (at > latest) {
          latest = at
          fire(at - 1)
        }
      }
      run.end()
      fire(Infinity)
      expect(run.values()).toEqual(expected)
    }),
  )
})
