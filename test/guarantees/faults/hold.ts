import { afterEach, expect, it } from 'vitest'

import { runFaults } from '../../../faults/run.js'
import type { SinkName } from '../../../faults/sinks/sink.js'
import { leakedWorkers } from '../../setup/scene/worker-process.js'

/**
 * The promise, for every sink that makes it: two pipelines at once, through 40 s of faults that a seed draws, lose,
 * double and reorder nothing, in the end and for a reader beside them. `npm run faults` goes on for longer.
 */
export function holds(sink: SinkName): void {
  afterEach(() => {
    expect(leakedWorkers()).toEqual([])
  })

  it(`holds through faults of many kinds: ${sink} sink`, { timeout: 900_000 }, async () => {
    const report = await runFaults(
      { sink, state: 'none', store: 'memory', minutes: 0.7, seed: 1, perSecond: 200, only: [] },
      (line) => process.stdout.write(`  ${line}\n`),
    )
    const { faults, lost, duplicated, reordered, foreign, ledgers, invalid } = report
    expect({ lost, duplicated, reordered, foreign, ledgers, invalid }).toEqual({
      lost: 0,
      duplicated: 0,
      reordered: 0,
      foreign: 0,
      ledgers: [],
      invalid: [],
    })
    expect(faults).toBeGreaterThan(2)
  })
}
