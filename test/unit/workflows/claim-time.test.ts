import { expect, test } from 'vitest'
import { claimMs } from '../../../workflows/activities.js'

test('a claim has the more time the more state it has to read', () => {
  const segment = { key: 'a'.repeat(64), bytes: 4_000_000 }
  const inHistory = { data: 'AAAA' }
  expect(claimMs()).toBe(120_000)
  expect(claimMs({ segments: [inHistory], versions: {} })).toBe(120_000)
  // 8 GB: more than two minutes, however fast the store is.
  const large = [inHistory, ...Array.from({ length: 2_000 }, () => segment)]
  expect(claimMs({ segments: large, versions: {} })).toBe(120_000 + 8_000_000)
})
