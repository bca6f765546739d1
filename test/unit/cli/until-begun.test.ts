import { expect, test } from 'vitest'
import { untilBegun } from '../../../src/cli/until-begun.js'
import type { PipelineStatus } from '../../../src/client/status.js'

const starting = { state: 'starting', workers: ['host-1'], waiting: null } as unknown as PipelineStatus
const failing: PipelineStatus = {
  ...starting,
  waiting: 'for tidemark.discoverPartitions to succeed: attempt 1 failed: no broker answers',
}

/** These, one look after the other, then the last one for ever. */
async function ended(statuses: readonly PipelineStatus[], failingMs: number, atMost: number) {
  const left = [...statuses]
  let looks = 0
  const found = await untilBegun(
    async () => {
      looks++
      return (left.length > 1 ? left.shift() : left[0]) ?? starting
    },
    { failing: failingMs, atMost, look: 5 },
  )
  return { state: found.state, waiting: found.waiting, looks }
}

test('a start is waited for until a worker has told how it has gone, however slow that is', async () => {
  const slow = Array.from({ length: 10 }, () => starting)
  for (const state of ['running', 'failed'] as const)
    expect(await ended([...slow, { ...starting, state }], 0, 60_000)).toMatchObject({ state, looks: 11 })
})

test('what fails and is tried again is told, and waited for no longer; one failure at first is none', async () => {
  expect(await ended([starting, failing, starting], -1, 60_000)).toMatchObject({
    state: 'starting',
    waiting: failing.waiting,
    looks: 2,
  })
  const later = [failing, failing, { ...starting, state: 'running' } as const]
  expect(await ended(later, 60_000, 60_000)).toMatchObject({ state: 'running', looks: 3 })
})

test('where no worker is up, or none ever tells, it is not waited for', async () => {
  const nobody = { ...starting, workers: [] }
  expect(await ended([nobody], 60_000, 60_000)).toMatchObject({ state: 'starting', looks: 1 })
  expect(await ended([starting], -1, -1)).toMatchObject({ state: 'starting', looks: 1 })
})
