import { afterEach, describe, expect, test, vi } from 'vitest'
import * as breaks from './breaks.js'
import { type Rule, rules } from './rules.js'
import type * as simulateModule from './simulate.js'

/** A rule that is broken has to show within so many schedules, from the seed on that has shown it before. */
const SEEDS = 1_500

type Simulate = typeof simulateModule.simulate
type Change = (real: object) => object

const changes = new Map(Object.entries(breaks as unknown as Readonly<Record<string, Change>>))

/** The simulation over a library of which some functions are others. */
async function simulateWithout(rule: Rule): Promise<Simulate> {
  for (const { module, by } of rule.breaks ?? []) {
    vi.doMock(`../../${module}.js`, async (original) => {
      const real = await original<object>()
      return { ...real, ...changes.get(by)?.(real) }
    })
  }
  vi.doMock('@temporalio/workflow', () => import('./temporal/workflow.js'))
  vi.resetModules()
  return (await import('./simulate.js')).simulate
}

/** The first invariant that breaks. */
async function found(simulate: Simulate, rule: Rule): Promise<string> {
  for (let { seed } = rule; seed < rule.seed + SEEDS; seed++) {
    const { broke } = await simulate(seed, rule.options)
    if (broke !== null) return broke
  }
  return 'nothing'
}

afterEach(() => {
  for (const { module } of rules.flatMap((rule) => rule.breaks ?? [])) vi.doUnmock(`../../${module}.js`)
  vi.resetModules()
})

describe('the simulation finds it where', () => {
  test.each(rules)('$instead (PROTOCOL $clause): $name', { timeout: 400_000 }, async (rule) => {
    const simulate = await simulateWithout(rule)
    expect(await found(simulate, rule)).toMatch(rule.caughtBy)
  })
})
