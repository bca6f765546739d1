import { expect, test } from 'vitest'
import { mapStep } from '../../../src/steps/map.js'
import { ctx, index, runStep } from './run-step.js'

test('hands on what the function returns, undefined too', () => {
  const { push, out } = runStep(mapStep((value) => (value === 2 ? undefined : Number(value) * 10)))
  for (const value of [1, 2, 3]) push(value, ctx)
  expect(out).toEqual([
    ['out', 10],
    ['out', undefined],
    ['out', 30],
  ])
})

test('gives the function the context itself', () => {
  const { push, out } = runStep(mapStep((_, given) => given === ctx))
  push(1, ctx)
  expect(out).toEqual([['out', true]])
})

test('says where it is before it calls user code', () => {
  let seen = -1
  const run = runStep(
    mapStep(() => {
      seen = run.at[0] ?? -1
    }),
  )
  run.push(1, ctx)
  expect(seen).toBe(index)
})

test('refuses a promise, names the step, and leaves no rejection behind', async () => {
  const { push, out } = runStep(mapStep(() => Promise.reject(new Error('later'))))
  expect(() => push(1, ctx)).toThrow("step 'probe' returned a promise")
  // Vitest fails the run on an unhandled rejection.
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(out).toEqual([])
})

test('lets what the function throws through', () => {
  const { push, out } = runStep(mapStep((_, c) => c.reject('bad')))
  expect(() => push(1, ctx)).toThrow('rejected: bad')
  expect(out).toEqual([])
})
