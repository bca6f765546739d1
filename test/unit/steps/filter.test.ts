import { expect, test } from 'vitest'
import { filterStep } from '../../../src/steps/filter.js'
import { ctx, index, runStep } from './run-step.js'

test('hands on the values for which the function is true, unchanged and in order', () => {
  const { push, out } = runStep(filterStep((value) => Number(value) > 1))
  const three = Object(3) as object
  for (const value of [1, 2, three, 0]) push(value, ctx)
  expect(out).toEqual([
    ['out', 2],
    ['out', three],
  ])
  expect(out[1]?.[1]).toBe(three)
})

test('says where it is before it calls user code', () => {
  let seen = -1
  const run = runStep(
    filterStep(() => {
      seen = run.at[0] ?? -1
      return true
    }),
  )
  run.push(1, ctx)
  expect(seen).toBe(index)
})

test('refuses a promise, which would count as true', () => {
  const { push, out } = runStep(filterStep(() => Promise.resolve(false)))
  expect(() => push(1, ctx)).toThrow("step 'probe' returned a promise")
  expect(out).toEqual([])
})

test('lets a rejection through', () => {
  const { push } = runStep(filterStep((value, c) => Number(value) > 1 || c.reject('too small')))
  push(2, ctx)
  expect(() => push(1, ctx)).toThrow('rejected: too small')
})
