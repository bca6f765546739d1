import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { redistribute } from '../../../src/state/redistribute.js'
import { transactional } from '../definition/parts.js'
import { StageRun, type Steps } from './stage-run.js'

interface Value {
  readonly id: string
  readonly at: number
}

const sink = transactional()
const steps: Steps<Value> = (s) => s.dedupe('once', { by: (v) => v.id, within: 10 }).to('out', sink)
const timed: Steps<Value> = (s) =>
  s
    .eventTime('when', (v) => v.at, { maxDisorder: 0 })
    .dedupe('once', { by: (v) => v.id, within: 10 })
    .to('out', sink)

function passed(run: StageRun<Value>, at: number, id = 'a', key = 'k'): boolean {
  const before = run.out.length
  expect(run.send({ id, at }, { key, timestamp: at })).toBe(true)
  return run.out.length > before
}

test('the second is dropped until more than `within` has passed, both ends told apart', () => {
  const run = new StageRun(steps)
  expect(passed(run, 100)).toBe(true)
  expect(passed(run, 110)).toBe(false)
  expect(passed(run, 111)).toBe(true)
})

test('by event time where there is one', () => {
  const run = new StageRun(timed)
  run.send({ id: 'a', at: 1 }, { timestamp: 50 })
  run.send({ id: 'a', at: 12 }, { timestamp: 51 })
  expect(run.out.length).toBe(2)
})

test('ids, not keys; and time passes by other ids', () => {
  const run = new StageRun(steps)
  expect(passed(run, 100, 'a', 'one')).toBe(true)
  expect(passed(run, 100, 'a', 'two')).toBe(false)
  expect(passed(run, 120, 'b')).toBe(true)
  expect(passed(run, 105, 'a')).toBe(true)
})

test('what is late is remembered from when it came', () => {
  const run = new StageRun(steps)
  passed(run, 100, 'b')
  expect(passed(run, 50)).toBe(true)
  expect(passed(run, 50)).toBe(false)
  expect(passed(run, 110)).toBe(false)
  expect(passed(run, 111)).toBe(true)
})

test('ids leave the state, and a checkpoint takes them out of it', () => {
  const run = new StageRun(steps)
  for (let at = 0; at < 100; at++) passed(run, at * 3, String(at))
  run.cut(true)
  // As many as there is room for within 10 ms, and the time.
  const segment = run.states.snapshot()
  for (let at = 100; at < 1000; at++) passed(run, at * 3, String(at))
  run.cut(true)
  expect(run.states.snapshot().length).toBeLessThan(segment.length + 10)
})

test('texts that were cut within a character are ids of their own, over restarts too', () => {
  const run = new StageRun(steps)
  const ids = ['a\ud83d', 'a\ud83e', 'a\ufffd', '\0"a\\ud83d"', '\0']
  for (const id of ids) expect(passed(run, 100, id)).toBe(true)
  run.cut()
  for (const id of ids) expect(passed(run, 105, id)).toBe(false)
})

test('an id that is no text makes a bad record', () => {
  const run = new StageRun<Value>(steps)
  expect(run.send({ id: 5 as unknown as string, at: 0 })).toBe(false)
  expect(String(run.failure)).toMatch(/text, not number/)
})

test('a bad record is not remembered', () => {
  const run = new StageRun<Value>((s) =>
    s
      .dedupe('once', { by: (v) => v.id, within: 10 })
      .map('good', (v, ctx) => (v.at === 5 ? ctx.reject('bad') : v))
      .to('out', sink),
  )
  for (const at of [5, 6, 7]) run.send({ id: 'a', at }, { timestamp: at })
  expect(run.values()).toEqual([{ id: 'a', at: 6 }])
})

const values = fc.array(
  fc.record({ id: fc.constantFrom('a', 'b', 'c'), at: fc.integer({ min: -40, max: 40 }), cut: fc.boolean() }),
  { maxLength: 40 },
)

/** Remembers everything. */
class Model {
  readonly within: number
  readonly passed: Value[] = []
  readonly seen = new Map<string, number>()
  latest = -Infinity

  constructor(within: number) {
    this.within = within
  }

  send({ id, at }: Value): void {
    this.latest = Math.max(this.latest, at)
    const before = this.seen.get(id)
    if (before !== undefined && this.latest - before <= this.within) return
    this.seen.set(id, this.latest)
    this.passed.push({ id, at })
  }
}

type Sent = Value & { readonly cut: boolean }

function through(run: StageRun<Value>, model: Model, sent: readonly Sent[]): void {
  for (const { id, at, cut } of sent) {
    if (cut) run.cut()
    run.send({ id, at }, { timestamp: at })
    model.send({ id, at })
  }
  expect(run.values()).toEqual(model.passed)
}

const runOf = (within: number) =>
  new StageRun<Value>((s) => s.dedupe('once', { by: (v) => v.id, within }).to('out', sink))

test('against a model that remembers everything', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 30 }), (sent, within) => {
      through(runOf(within), new Model(within), sent)
    }),
  )
})

test('tasks that take over know the ids of all before them, and for how long', () => {
  fc.assert(
    fc.property(fc.array(values, { minLength: 1, maxLength: 4 }), values, (before, after) => {
      const within = 10
      const [next, model] = [runOf(within), new Model(within)]
      model.latest = Infinity
      const old = before.map((sent) => {
        const [run, own] = [runOf(within), new Model(within)]
        through(run, own, sent)
        for (const [id, seen] of own.seen)
          if (own.latest - seen <= within) model.seen.set(id, Math.max(seen, model.seen.get(id) ?? -Infinity))
        model.latest = Math.min(model.latest, own.latest)
        return run.states
      })
      for (const _step of redistribute(next.states, old, { before: () => 0, here: () => true }));
      through(next, model, after)
    }),
  )
})
