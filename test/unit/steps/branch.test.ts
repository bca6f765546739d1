import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { branchStep } from '../../../src/steps/branch.js'
import { otherwise } from '../../../src/definition/stream.js'
import { ctx, index, runStep } from './run-step.js'

test('each value goes to the first branch that takes it, and to no other', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(30)),
      fc.uniqueArray(fc.integer({ min: 2, max: 7 }), { minLength: 1 }),
      (values, by) => {
        const { push, out } = runStep(
          branchStep(Object.fromEntries(by.map((n) => [`by-${n}`, (value: unknown) => Number(value) % n === 0]))),
        )
        for (const value of values) push(value, ctx)
        const expected = values.flatMap((value) => {
          const first = by.find((n) => value % n === 0)
          return first === undefined ? [] : [[`by-${first}`, value]]
        })
        expect(out).toEqual(expected)
      },
    ),
  )
})

test('otherwise takes the rest', () => {
  const { push, out } = runStep(branchStep({ one: (value) => value === 1, rest: otherwise }))
  push(1, ctx)
  push(2, ctx)
  expect(out).toEqual([
    ['one', 1],
    ['rest', 2],
  ])
})

test('asks no further predicate once one has taken the value', () => {
  const asked: string[] = []
  const { push } = runStep(
    branchStep({
      first: () => asked.push('first') > 0,
      second: () => asked.push('second') > 0,
    }),
  )
  push(1, ctx)
  expect(asked).toEqual(['first'])
})

test('says where it is before it calls user code', () => {
  let seen = -1
  const run = runStep(
    branchStep({
      a: () => {
        seen = run.at[0] ?? -1
        return true
      },
    }),
  )
  run.push(1, ctx)
  expect(seen).toBe(index)
})

test('refuses a promise, which would count as true', () => {
  const { push, out } = runStep(branchStep({ a: () => Promise.resolve(false) }))
  expect(() => push(1, ctx)).toThrow("step 'probe' returned a promise")
  expect(out).toEqual([])
})

test('the ports are the branches, in their order', () => {
  expect(branchStep({ b: otherwise, a: otherwise }).ports).toEqual(['b', 'a'])
})
