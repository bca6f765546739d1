import { expect, test } from 'vitest'
import { simulate } from './simulate.js'

/** More of them, or others: TIDEMARK_SIMULATIONS=5000 TIDEMARK_SEED=1000 npx vitest run test/simulation/simulation.test.ts */
const FIRST = Number(process.env['TIDEMARK_SEED'] ?? 1)
const COUNT = Number(process.env['TIDEMARK_SIMULATIONS'] ?? 400)
/** What is shown of a failing schedule. */
const SHOWN = 60

test(`all invariants hold in ${COUNT} random schedules from seed ${FIRST} on`, { timeout: COUNT * 1_000 }, async () => {
  let faults = 0
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const outcome = await simulate(seed)
    faults += outcome.faults
    const trace = outcome.trace.slice(-SHOWN).join('\n')
    expect(outcome.broke, `seed ${seed} breaks invariant ${outcome.broke ?? ''}\n${trace}\n`).toBeNull()
  }
  expect(faults / COUNT).toBeGreaterThan(1)
})

test('a seed stands for one schedule', async () => {
  for (const seed of [7, 8, 9]) expect((await simulate(seed)).trace).toEqual((await simulate(seed)).trace)
})
