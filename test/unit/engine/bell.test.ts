import { expect, test } from 'vitest'
import { Bell } from '../../../src/engine/bell.js'

test('a ring wakes who waits', async () => {
  const bell = new Bell()
  const wait = bell.wait(60_000)
  bell.ring()
  await wait
})

test('a ring that nobody waited for is kept, once', async () => {
  const bell = new Bell()
  bell.ring()
  bell.ring()
  await bell.wait(60_000)
  const before = performance.now()
  await bell.wait(30)
  expect(performance.now() - before).toBeGreaterThan(25)
})

test('waits no longer than it is told, and not at all for nothing', async () => {
  const bell = new Bell()
  const before = performance.now()
  await bell.wait(30)
  expect(performance.now() - before).toBeGreaterThan(25)
  await bell.wait(0)
  await bell.wait(-5)
  expect(performance.now() - before).toBeLessThan(10_000)
})

test('longer times than a timer takes are no zero', async () => {
  const bell = new Bell()
  let woken = false
  const wait = bell.wait(2 ** 40).then(() => (woken = true))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(woken).toBe(false)
  bell.ring()
  await wait
})
