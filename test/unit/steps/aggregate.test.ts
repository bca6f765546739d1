import { expect, test } from 'vitest'
import {
  aggregate,
  average,
  collect,
  combine,
  count,
  max,
  min,
  sum,
} from '../../../src/definition/aggregators/index.js'
import type { Aggregator, MergeableAggregator } from '../../../src/definition/aggregator.js'
import type { End, Stream } from '../../../src/definition/stream.js'
import {
  hopping,
  session,
  sliding,
  tumbling,
  type SessionWindow,
  type TimeWindow,
} from '../../../src/definition/windows.js'
import { RecordRejected } from '../../../src/errors/record.js'
import { transactional } from '../definition/parts.js'
import { StageRun } from './stage-run.js'

const sink = transactional()
type Values = Stream<number, string>

test('count, reduce and aggregate: per key, one result per value, with the time of the value', () => {
  const run = new StageRun<number>((s) => [
    s.count('count').to('n', sink),
    s.reduce('reduce', (a, b) => Math.max(a, b)).to('most', sink),
    s
      .aggregate(
        'sum',
        sum((v) => v),
      )
      .to('total', sink),
  ])
  run.send(3, { key: 'a', timestamp: 30 })
  run.cut()
  run.send(2, { key: 'b', timestamp: 20 })
  run.send(1, { key: 'a', timestamp: 10 })
  run.cut(true)
  run.send(9, { key: 'a', timestamp: 40 })
  expect(run.out.filter(([id]) => id === 'n')).toEqual([
    ['n', 1, 'a', 30],
    ['n', 1, 'b', 20],
    ['n', 2, 'a', 10],
    ['n', 3, 'a', 40],
  ])
  expect(run.values('most')).toEqual([3, 2, 3, 9])
  expect(run.values('total')).toEqual([3, 2, 4, 13])
})

test('a value without a key makes a bad record', () => {
  const run = new StageRun<number>((s) => s.count('n').to('out', sink))
  expect(run.send(1, { key: null })).toBe(false)
  expect(run.failure).toBeInstanceOf(RecordRejected)
  expect(run.failure).toMatchObject({ details: { step: 'n', reason: expect.stringMatching(/no key/) as string } })
  expect(run.send(1, { key: '' })).toBe(true)
  expect(run.out).toEqual([['out', 1, '', 0]])
})

test('a bad record leaves no trace in any step', () => {
  const run = new StageRun<number>((s) =>
    s
      .count('n')
      .map('not-two', (n, ctx) => (n === 2 && ctx.timestamp === 66 ? ctx.reject('bad') : n))
      .to('out', sink),
  )
  run.send(0, { timestamp: 1 })
  expect(run.send(0, { timestamp: 66 })).toBe(false)
  expect(run.send(0, { key: 'new', timestamp: 1 })).toBe(true)
  run.cut()
  run.send(0, { timestamp: 1 })
  expect(run.values()).toEqual([1, 1, 2])
})

test('state goes away when nothing was written for its ttl, at the start of the next epoch, for which nobody is woken', () => {
  const run = new StageRun<number>((s) => s.count('n', { ttl: 100 }).to('out', sink))
  run.epoch(1000)
  run.send(0)
  run.epoch(1099)
  run.send(0)
  run.cut()
  run.epoch(1198)
  run.send(0)
  run.checkpoint()
  run.epoch(1297)
  expect([run.stage.time.nextDue, run.states.changeCount]).toEqual([null, 0])
  run.epoch(1298)
  expect([run.stage.time.nextDue, run.states.changeCount]).toEqual([null, 1])
  run.send(0)
  expect(run.values()).toEqual([1, 2, 3, 1])
})

test('what has expired reads as absent, swept or not', () => {
  const run = new StageRun<number>((s) => s.count('n', { ttl: 100 }).to('out', sink))
  run.send(0)
  // As a session does that has no epoch start of its own to sweep at.
  const { flow } = run as unknown as { flow: { now: number } }
  flow.now = 100
  run.send(0)
  expect(run.values()).toEqual([1, 1])
})

test('aggregators: results, and of nothing', () => {
  const of = (v: number) => v
  const all = combine<number, Record<string, unknown>>({
    n: count(),
    sum: sum(of),
    mean: average(of),
    low: min(of),
    high: max(of),
    two: collect<number>({ limit: 2 }),
  })
  const fold = (values: readonly number[]) => all.result(values.reduce((acc, v) => all.add(acc, v), all.init()))
  expect(fold([4, -1, 6])).toEqual({ n: 3, sum: 9, mean: 3, low: -1, high: 6, two: [4, -1] })
  expect(fold([])).toEqual({ n: 0, sum: 0, mean: Number.NaN, low: Number.NaN, high: Number.NaN, two: [] })
  const acc = (values: readonly number[]) => values.reduce((a, v) => all.add(a, v), all.init())
  for (const [a, b] of [
    [[], []],
    [[1], []],
    [[], [2]],
    [
      [5, 3],
      [2, 9],
    ],
  ] as const) {
    expect(all.result(all.merge(acc(a), acc(b)))).toEqual(fold([...a, ...b]))
    expect(JSON.parse(JSON.stringify(acc(a)))).toEqual(acc(a))
  }
})

const self = (v: number): number => v
const numeric: readonly (readonly [string, Aggregator<number, never, number>, readonly number[]])[] = [
  ['sum', sum(self), [2, 4]],
  ['average', average(self), [2, 2]],
  ['min', min(self), [2, 2]],
  ['max', max(self), [2, 2]],
] as never

test.each(numeric)('%s: a number that is not finite makes the record bad, and spoils nothing', (_, of, results) => {
  const run = new StageRun<number>((s: Values) => s.aggregate('n', of).to('out', sink))
  for (const v of [2, Number.NaN, Infinity, '1' as unknown as number, 2]) run.send(v)
  expect(run.values()).toEqual(results)
  expect(String(run.failure)).toMatch(/needs a finite number/)
})

test('a sum beyond all numbers makes the record bad', () => {
  const run = new StageRun<number>((s) =>
    s
      .aggregate(
        'n',
        sum((v) => v),
      )
      .to('out', sink),
  )
  for (const value of [1e308, 1e308, -1e308]) run.send(value)
  expect(run.values()).toEqual([1e308, 0])
})

test('dates and the like in an accumulator are the same after a restart', () => {
  const of = aggregate({
    init: () => ({ first: null as Date | null, seen: new Set<number>(), none: undefined as number | undefined }),
    add: (acc, v: number) => ({ ...acc, first: acc.first ?? new Date(v), seen: new Set([...acc.seen, v]) }),
    result: (acc) => acc,
  })
  const run = new StageRun<number>((s) => s.aggregate('n', of).to('out', sink))
  run.send(1)
  run.cut()
  run.send(2)
  expect(run.values()[1]).toStrictEqual({ first: new Date(1), seen: new Set([1, 2]), none: undefined })
})

const promise = (): number => Promise.resolve(1) as unknown as number
const plain = { init: () => 0, add: (acc: number, v: number) => acc + v, result: (acc: number) => acc }
const windowed = (s: Values, of: Aggregator<number, number, number>) =>
  s.eventTime('when', (v) => v, { maxDisorder: 0 }).window('n', tumbling(10), of, { emit: 'updates' })

test.each<[string, (s: Values) => End<string, unknown>]>([
  ['a result', (s) => s.aggregate('n', { ...plain, result: promise }).to('out', sink)],
  ['a result of a window', (s) => windowed(s, { ...plain, result: promise }).to('out', sink)],
  ['an accumulator of a window', (s) => windowed(s, { ...plain, add: promise }).to('out', sink)],
  ['of the results', (s) => s.stateful('n', { init: () => 0, onRecord: () => [promise()] }).to('out', sink)],
])('a promise for %s is refused', (_, steps) => {
  const run = new StageRun<number>(steps)
  expect(run.send(1)).toBe(false)
  expect(String(run.failure)).toMatch(/step 'n' returned a promise/)
  expect(run.out).toEqual([])
})

test('a promise for what two sessions make is refused', () => {
  const run = new StageRun<number>((s) =>
    s
      .eventTime('when', (v) => v, { maxDisorder: 30 })
      .window('n', session(10), { ...plain, merge: promise })
      .to('out', sink),
  )
  for (const value of [1, 15]) expect(run.send(value)).toBe(true)
  expect(run.send(8)).toBe(false)
  expect(String(run.failure)).toMatch(/step 'n' returned a promise/)
})

test('an aggregator may be an object of a class', () => {
  class Total implements Aggregator<number, number, string> {
    readonly unit = 's'
    init(): number {
      return 0
    }
    add(acc: number, v: number): number {
      return this.init() + acc + v
    }
    result(acc: number): string {
      return `${acc} ${this.unit}`
    }
  }
  const run = new StageRun<number>((s) => [
    s.aggregate('all', new Total()).to('out', sink),
    s
      .eventTime('when', (v) => v, { maxDisorder: 0 })
      .window('n', tumbling(10), new Total())
      .map('value', ({ value }) => value)
      .to('windows', sink),
  ])
  for (const value of [1, 2]) expect(run.send(value)).toBe(true)
  run.end()
  expect([run.values(), run.values('windows')]).toEqual([['1 s', '3 s'], ['3 s']])
})

test.each<[string, TimeWindow | SessionWindow, readonly number[]]>([
  ['tumbling', tumbling(10), [9, 15]],
  ['hopping', hopping(10, { every: 5 }), [1, 9, 8, 15, 15]],
  ['sliding', sliding(10), [1, 9, 8, 23, 15]],
  ['session', session(10), [24]],
])('in %s windows, too, whatever of it its methods ask for', (_, over, sums) => {
  class Sum implements MergeableAggregator<number, number, string> {
    readonly #unit = 's'
    readonly #none = 0
    init(): number {
      return this.#none
    }
    add(acc: number, v: number): number {
      return this.#none + acc + v
    }
    merge(a: number, b: number): number {
      return this.#none + a + b
    }
    result(acc: number): string {
      return `${acc} ${this.#unit}`
    }
  }
  const run = new StageRun<number>((s) =>
    s
      .eventTime('when', (v) => v, { maxDisorder: 30 })
      .window('n', over, new Sum())
      .map('value', ({ value }) => value)
      .to('out', sink),
  )
  // The third makes one of two sessions.
  for (const value of [1, 15, 8]) expect(run.send(value), String(run.failure)).toBe(true)
  run.end()
  expect(run.values()).toEqual(sums.map((n) => `${n} s`))
})

test('an accumulator that is a promise is refused', () => {
  const of = aggregate({ init: () => 0, add: () => Promise.resolve(1) as unknown as number, result: (n) => n })
  const run = new StageRun<number>((s) => s.aggregate('n', of).to('out', sink))
  expect(run.send(1)).toBe(false)
  expect(String(run.failure)).toMatch(/promise/)
})
