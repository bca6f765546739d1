import { expect, test, vi } from 'vitest'
import { simulate } from './simulate.js'

vi.mock('@temporalio/workflow', () => import('./temporal/workflow.js'))

/** More of them: npm run simulate. */
const SEEDS = Number(process.env['N'] ?? 200)
/** What is shown of a failing schedule. */
const SHOWN = 60

test(`all invariants hold in ${SEEDS} random schedules`, { timeout: SEEDS * 1_000 }, async () => {
  let faults = 0
  for (let seed = Number(process.env['F'] ?? 1); seed <= SEEDS; seed++) {
    const outcome = await simulate(seed)
    faults += outcome.faultsAt.length
    const trace = outcome.trace.slice(-SHOWN).join('\n')
    expect(outcome.broke, `seed ${seed} breaks invariant ${outcome.broke ?? ''}\n${trace}\n`).toBeNull()
  }
  expect(faults / SEEDS).toBeGreaterThan(1)
})

test('a seed stands for one schedule', async () => {
  for (const seed of [7, 8, 9]) expect((await simulate(seed)).trace).toEqual((await simulate(seed)).trace)
})
