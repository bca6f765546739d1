import { expect, test } from 'vitest'
import { Patience } from '../../../src/client/patience.js'
import { InvalidCommand } from '../../../src/errors/control.js'
import type { Duration } from '../../../src/units.js'

test('looks until there is nothing left', async () => {
  const answers = [['a/0', 'a/1'], ['a/1'], []]
  expect(await new Patience(10_000).untilNone(async () => answers.shift() ?? [])).toEqual([])
  expect(answers).toEqual([])
})

test('returns what is left when the time is up', async () => {
  let looks = 0
  const left = await new Patience(250).untilNone(async () => [`look ${++looks}`])
  expect(left).toEqual([`look ${looks}`])
  expect(looks).toBeGreaterThan(1)
})

test('durations are read, and what is none is refused', () => {
  expect(Patience.of('pause', undefined, '60s').timeoutMs).toBe(60_000)
  expect(Patience.of('pause', '2 minutes', '60s').timeoutMs).toBe(120_000)
  for (const wrong of ['soon', 0, -1, Number.NaN]) {
    expect(() => Patience.of('pause', wrong as Duration, '60s')).toThrow(InvalidCommand)
  }
})
