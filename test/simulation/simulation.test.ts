import { expect, test, vi } from 'vitest'
import { simulate } from './simulate.js'
import { shrink } from './shrink.js'

vi.mock('@temporalio/workflow', () => import('./temporal/workflow.js'))

/** More of them, or others: `npm run simulate`. */
const SEEDS = 200
/** What is shown of a failing schedule. */
const SHOWN = 60

test(`all invariants hold in ${SEEDS} random schedules`, { timeout: SEEDS * 1_000 }, async () => {
  let faults = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const outcome = await simulate(seed)
    faults += outcome.faultsAt.length
    const trace = outcome.trace.slice(-SHOWN).join('\n')
    expect(outcome.broke, `seed ${seed} breaks invariant ${outcome.broke ?? ''}\n${trace}\n`).toBeNull()
  }
  expect(faults / SEEDS).toBeGreaterThan(1)
})

test(`and of a pipeline whose steps are not deterministic (PROTOCOL 6)`, { timeout: SEEDS * 1_000 }, async () => {
  for (let seed = 1; seed <= SEEDS / 2; seed++) {
    const { broke, trace } = await simulate(seed, { asks: true })
    expect(broke, `seed ${seed} breaks invariant ${broke ?? ''}\n${trace.slice(-SHOWN).join('\n')}\n`).toBeNull()
  }
})

test(
  `and of one that keeps what its calls come to, for several ledgers or state`,
  { timeout: SEEDS * 1_000 },
  async () => {
    for (let seed = 1; seed <= SEEDS / 4; seed++) {
      const { broke, trace } = await simulate(seed, { asks: true, kept: true })
      expect(broke, `seed ${seed} breaks invariant ${broke ?? ''}\n${trace.slice(-SHOWN).join('\n')}\n`).toBeNull()
    }
  },
)

test(`and of a pipeline that reads two sources in one stage (PROTOCOL 6)`, { timeout: SEEDS * 1_000 }, async () => {
  for (let seed = 1; seed <= SEEDS / 2; seed++) {
    const { broke, trace } = await simulate(seed, { joins: true })
    expect(broke, `seed ${seed} breaks invariant ${broke ?? ''}\n${trace.slice(-SHOWN).join('\n')}\n`).toBeNull()
  }
})

test('a seed stands for one schedule, and so do the choices that it came to', async () => {
  for (const seed of [7, 8, 9]) {
    const outcome = await simulate(seed)
    expect(outcome.trace.length).toBeGreaterThan(20)
    expect((await simulate(seed)).trace).toEqual(outcome.trace)
    expect((await simulate(outcome.choices)).trace).toEqual(outcome.trace)
  }
})

test('leaves the clocks of this process as they were', async () => {
  const real = [setTimeout, Date.now, Math.random]
  await simulate(1)
  expect([setTimeout, Date.now, Math.random]).toEqual(real)
  expect(Date.now()).toBeGreaterThan(1_700_000_000_000)
})

test(
  'a failing schedule is shrunk to one that breaks the same invariant, with less',
  { timeout: 400_000 },
  async () => {
    const options = { flaw: 'receipt before outputs' } as const
    for (let seed = 1; ; seed++) {
      const failing = await simulate(seed, options)
      if (failing.broke === null || failing.faultsAt.length === 0) continue
      const small = await shrink(failing, (choices) => simulate(choices, options))
      expect(small.broke?.split(':')[0]).toBe(failing.broke.split(':')[0])
      expect(small.faultsAt.length).toBe(0)
      expect(small.trace.length).toBeLessThan(failing.trace.length)
      expect((await simulate(small.choices, options)).trace).toEqual(small.trace)
      return
    }
  },
)
