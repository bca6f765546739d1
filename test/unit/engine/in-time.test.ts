import { expect, test } from 'vitest'
import { inTime } from '../../../src/engine/in-time.js'

const never = new Promise<never>(() => undefined)

test('what settles in time settles as it is', async () => {
  const { signal } = new AbortController()
  await expect(inTime(Promise.resolve(1), 60_000, signal)).resolves.toBe(1)
  await expect(inTime(Promise.reject(new Error('no')), 60_000, signal)).rejects.toThrow('no')
})

test('what does not is given up, and says how long it had', async () => {
  await expect(inTime(never, 50, new AbortController().signal)).rejects.toThrow('it has not settled within 0.05 s')
})

test('what is aborted ends with the reason', async () => {
  const stop = new AbortController()
  const waiting = inTime(never, 60_000, stop.signal)
  stop.abort(new Error('the session was closed'))
  await expect(waiting).rejects.toThrow('the session was closed')
  await expect(inTime(never, 60_000, stop.signal)).rejects.toThrow('the session was closed')
})
