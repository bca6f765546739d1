import { expect, test } from 'vitest'
import { ByteBudget } from '../../../src/engine/byte-budget.js'

const settled = async (promise: Promise<void>): Promise<boolean> => {
  let done = false
  void promise.then(() => (done = true))
  await Promise.resolve()
  await Promise.resolve()
  return done
}

test('counts what is taken, and is never below nothing', () => {
  const budget = new ByteBudget(100)
  budget.take(30)
  expect(budget.available).toBe(70)
  budget.take(90)
  expect(budget.available).toBe(0)
  budget.give(90)
  expect(budget.available).toBe(70)
})

test('waits for room, whoever gives it', async () => {
  const budget = new ByteBudget(100)
  const { signal } = new AbortController()
  budget.take(100)
  const waits = [1, 2].map(() => budget.until(() => budget.available > 0, signal))
  expect(await settled(Promise.all(waits).then(() => undefined))).toBe(false)
  budget.give(1)
  await Promise.all(waits)
})

test('goes on waiting where what was given is not enough', async () => {
  const budget = new ByteBudget(100)
  budget.take(100)
  const wait = budget.until(() => budget.available >= 50, new AbortController().signal)
  budget.give(10)
  expect(await settled(wait)).toBe(false)
  budget.give(40)
  await wait
})

test('an abort ends the wait', async () => {
  const budget = new ByteBudget(1)
  budget.take(1)
  const abort = new AbortController()
  const wait = budget.until(() => false, abort.signal)
  abort.abort()
  await wait
  await budget.until(() => false, abort.signal)
})
