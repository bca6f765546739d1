import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { flatMapStep } from '../../../src/steps/flat-map.js'
import { ctx, index, runStep } from './run-step.js'

test('does what Array.prototype.flatMap does', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer())), (lists) => {
      const { push, out } = runStep(flatMapStep((value) => value as number[]))
      for (const list of lists) push(list, ctx)
      expect(out.map(([, value]) => value)).toEqual(lists.flat())
    }),
  )
})

test('reads a generator value by value, each taken on before the next is made', () => {
  const events: string[] = []
  const { push } = runStep(
    flatMapStep(function* () {
      for (const n of [1, 2]) {
        events.push(`make ${n}`)
        yield n
      }
    }),
    0,
    (value) => events.push(`take ${String(value)}`),
  )
  push(0, ctx)
  expect(events).toEqual(['make 1', 'take 1', 'make 2', 'take 2'])
})

test('says where it is before each part of a generator, which steps behind it have overwritten', () => {
  const seen: (number | undefined)[] = []
  const run = runStep(
    flatMapStep(function* () {
      seen.push(run.at[0])
      yield 1
      seen.push(run.at[0])
      yield 2
      seen.push(run.at[0])
    }),
    0,
    () => {
      run.at[0] = 99
    },
  )
  run.push(0, ctx)
  expect(seen).toEqual([index, index, index])
})

test('closes the generator when a later step throws, and leaves that step as the place', () => {
  let closed = false
  const run = runStep(
    flatMapStep(function* () {
      try {
        yield 1
      } finally {
        closed = true
      }
    }),
    0,
    () => {
      run.at[0] = 99
      throw new Error('downstream')
    },
  )
  expect(() => run.push(0, ctx)).toThrow('downstream')
  expect(closed).toBe(true)
  expect(run.at[0]).toBe(99)
})

test.each([
  ['a promise of values', () => Promise.resolve([1]), 'returned a promise'],
  ['values that are promises', () => [Promise.resolve(1)], 'returned a promise'],
  ['a number', () => 5, 'must return an iterable'],
  ['nothing', () => undefined, 'must return an iterable'],
  ['null', () => null, 'must return an iterable'],
])('refuses %s', (_, fn, message) => {
  const { push, out } = runStep(flatMapStep(fn as unknown as () => Iterable<unknown>))
  expect(() => push(0, ctx)).toThrow(`step 'probe' ${message}`)
  expect(out).toEqual([])
})
