import { expect, it } from 'vitest'
import { isGood, reportOf, type Tally } from '../../../faults/report.js'
import type { RunVerdict } from '../../../faults/pipeline-run.js'

const run = { seed: 1, sink: 'file', state: 'none', store: 'memory', minutes: 1 }
const clean = { numbers: 5, expected: 6, found: 6, lost: [], duplicated: [], reordered: [], foreign: [] }
const verdict: RunVerdict = { final: clean, passing: clean, ledger: [] }
const tally: Tally = { byKind: new Map([['kill-worker', 2]]), missed: new Map(), recoveryMs: [30, 10, 20] }

it('tells of faults, records and recoveries', () => {
  const report = reportOf(run, tally, [verdict, verdict], [])
  expect(report).toMatchObject({ faults: 2, byKind: { 'kill-worker': 2 }, records: 10, outputs: 12, lost: 0 })
  expect(report.recoveryMs).toEqual({ p50: 20, p99: 30, max: 30 })
  expect(isGood(report)).toBe(true)
})

it.each(['lost', 'duplicated', 'reordered', 'foreign'] as const)(
  'fails for one output %s, whichever reader finds it',
  (kind) => {
    const wrong = { ...clean, [kind]: ['some'] }
    for (const one of [
      { ...verdict, final: wrong },
      { ...verdict, passing: wrong },
    ]) {
      const report = reportOf(run, tally, [verdict, one], [])
      expect(report[kind]).toBe(1)
      expect(isGood(report)).toBe(false)
    }
  },
)

it('fails for a ledger out of order', () => {
  expect(isGood(reportOf(run, tally, [{ ...verdict, ledger: ['entry 3 follows entry 1'] }], []))).toBe(false)
})

it.each<[string, Partial<Tally>]>([
  ['no fault', { byKind: new Map() }],
  [
    'faults most of which met nothing',
    {
      missed: new Map([
        ['drop', 1],
        ['delay', 2],
      ]),
    },
  ],
  ['a kind that never meets anything', { byKind: new Map([['kill-worker', 50]]), missed: new Map([['drop', 3]]) }],
  ['no partition that had to go on', { recoveryMs: [] }],
])('proves nothing with %s', (_, change) => {
  const report = reportOf(run, { ...tally, ...change }, [verdict], [])
  expect(report.invalid).toHaveLength(1)
  expect(isGood(report)).toBe(false)
})

it('proves nothing without data', () => {
  const empty = { ...clean, expected: 0, found: 0 }
  expect(isGood(reportOf(run, tally, [{ ...verdict, final: empty }], []))).toBe(false)
})
