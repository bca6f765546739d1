import { expect, it } from 'vitest'

import { waitUntil } from '../../setup/wait-until.js'

it('returns the first truthy thing that it sees', async () => {
  let looks = 0
  expect(await waitUntil(() => (++looks === 3 ? 'there' : null), { every: 1 })).toBe('there')
})

it('says what it waited for and what it saw last', async () => {
  const waiting = waitUntil(() => 0, { for: 'the tide', timeoutMs: 20, every: 5 })
  await expect(waiting).rejects.toThrow('waited 0.02 s for the tide; it last returned 0')
})

it('says what was thrown last, and keeps it', async () => {
  const cause = new Error('out of reach')
  const waiting = waitUntil(() => Promise.reject(cause), { for: 'the tide', timeoutMs: 20, every: 5 })
  await expect(waiting).rejects.toThrow(
    expect.objectContaining({ cause, message: expect.stringContaining('out of reach') }),
  )
})
