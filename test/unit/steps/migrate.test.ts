import { expect, test } from 'vitest'
import { aggregate } from '../../../src/definition/aggregators/index.js'
import { hopping, session, sliding } from '../../../src/definition/windows.js'
import type { StateOptions } from '../../../src/definition/state-options.js'
import { transactional } from '../definition/parts.js'
import { StageRun, type Steps } from './stage-run.js'

const sink = transactional()
const totalOf = <A>(init: A, add: (acc: A, v: number) => A, of: (acc: A) => number) =>
  aggregate({ init: () => init, add, merge: (a: A) => a, result: of })
const plain = totalOf<number>(0, (acc, v: number) => acc + v, Number)
const named = totalOf(
  { total: 0 },
  (acc, v: number) => ({ total: acc.total + v }),
  ({ total }) => total,
)
const migrate = (old: unknown, from: number) => ({ total: from === 1 ? (old as number) : Number.NaN })

test.each<[string, StateOptions]>([
  ['running', {}],
  ['running, with a ttl', { ttl: '1h' }],
])('%s state of an older version is migrated', (_, options) => {
  const run = new StageRun<number>((s) => s.aggregate('n', plain, options).to('out', sink))
  run.send(5)
  run.cut(false, (s) => s.aggregate('n', named, { ...options, version: 2, migrate }).to('out', sink))
  run.send(6)
  expect(run.values()).toEqual([5, 11])
})

test.each([hopping(10, { every: 5 }), sliding(10), session(10)])('windows of an older version are migrated', (over) => {
  const steps =
    (of: typeof plain | typeof named, state: object): Steps<number> =>
    (s) =>
      s
        .eventTime('when', (v) => v, { maxDisorder: 0 })
        .window('w', over, of as typeof plain, { state })
        .map('value', (w) => w.value)
        .to('out', sink)
  const uncut = new StageRun<number>(steps(plain, {}))
  const run = new StageRun<number>(steps(plain, {}))
  for (const value of [5, 6]) run.send(value)
  run.cut(true, steps(named, { version: 2, migrate }))
  run.send(8)
  run.end()
  for (const value of [5, 6, 8]) uncut.send(value)
  uncut.end()
  expect(run.values()).toEqual(uncut.values())
  expect(run.values().at(-1)).toBeGreaterThan(0)
})

test('timers stay what they are; state without a way over is told', () => {
  const steps =
    (state: StateOptions): Steps<number> =>
    (s) =>
      s
        .stateful('n', {
          init: () => 0,
          onRecord: (v, handle, ctx) => (handle.set(v), ctx.timers.atProcessingTime('t', 9), []),
          onTimer: (handle) => [handle.get()],
          state,
        })
        .to('out', sink)
  const run = new StageRun<number>(steps({}))
  run.send(5)
  run.cut(false, steps({ version: 2, migrate: (old) => Number(old) + 1 }))
  run.epoch(9)
  expect(run.values()).toEqual([6])
  run.send(5)
  expect(() => run.cut(false, steps({ version: 3 }))).toThrow("'n values': version 2, this is 3")
})

test('a migration to nothing is refused', () => {
  const run = new StageRun<number>((s) => s.count('n').to('out', sink))
  run.send(5)
  expect(() => run.cut(false, (s) => s.count('n', { version: 2, migrate: () => undefined }).to('out', sink))).toThrow(
    'migrate must return a state',
  )
})
