import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eachOf } from '../../../src/control/each-of.js'

test('does all of them, a bounded number at once', async () => {
  let running = 0
  let most = 0
  const done: number[] = []
  await eachOf(
    Array.from({ length: 35 }, (_, n) => n),
    async (n) => {
      most = Math.max(most, ++running)
      await delay(n % 3)
      done.push(n)
      running--
    },
  )
  expect(most).toBe(10)
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 35 }, (_, n) => n))
})

test('a failure is told after the others have settled', async () => {
  let settled = 0
  const work = eachOf([1, 2, 3], async (n) => {
    await delay(n * 5)
    if (n === 1) throw new Error('one')
    settled++
  })
  await expect(work).rejects.toThrow('one')
  expect(settled).toBe(2)
})

test('nothing to do is done', async () => {
  await eachOf([], () => Promise.reject(new Error('called')))
})
