import type { RunVerdict } from './pipeline-run.js'

/** What came of the faults that were tried. */
export interface Tally {
  /** By kind: how often it met the run. */
  readonly byKind: ReadonlyMap<string, number>
  /** By kind: how often there was nothing for it to meet. */
  readonly missed: ReadonlyMap<string, number>
  /** From a fault, or the end of an outage, to the next output of each partition that it affected, in ms. */
  readonly recoveryMs: readonly number[]
}

/** The last line of a run. Everything that is wrong is counted over both pipelines and both readers. */
export interface Report {
  readonly seed: number
  readonly sink: string
  readonly state: string
  readonly store: string
  readonly minutes: number
  readonly faults: number
  readonly byKind: Readonly<Record<string, number>>
  readonly missed: Readonly<Record<string, number>>
  /** In the topics. */
  readonly records: number
  readonly outputs: number
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
  /** Outputs that nothing explains. */
  readonly foreign: number
  /** What the ledgers show, in words. */
  readonly ledgers: readonly string[]
  readonly recoveryMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Why the run proves nothing or failed as a whole. Empty: it doesn't. */
  readonly invalid: readonly string[]
}

export function reportOf(
  run: Pick<Report, 'seed' | 'sink' | 'state' | 'store' | 'minutes'>,
  tally: Tally,
  verdicts: readonly RunVerdict[],
  problems: readonly string[],
): Report {
  const all = verdicts.flatMap(({ final, passing }) => [final, passing])
  const sum = (kind: 'lost' | 'duplicated' | 'reordered' | 'foreign'): number =>
    all.reduce((total, verdict) => total + verdict[kind].length, 0)
  const faults = total(tally.byKind)
  return {
    seed: run.seed,
    sink: run.sink,
    state: run.state,
    store: run.store,
    minutes: run.minutes,
    faults,
    byKind: byName(tally.byKind),
    missed: byName(tally.missed),
    records: verdicts.reduce((records, { final }) => records + final.numbers, 0),
    outputs: verdicts.reduce((outputs, { final }) => outputs + final.found, 0),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    reordered: sum('reordered'),
    foreign: sum('foreign'),
    ledgers: verdicts.flatMap(({ ledger }) => ledger),
    recoveryMs: {
      p50: quantile(tally.recoveryMs, 0.5),
      p99: quantile(tally.recoveryMs, 0.99),
      max: quantile(tally.recoveryMs, 1),
    },
    invalid: [...problems, ...(problems.length === 0 ? showsNothing(tally, verdicts) : [])],
  }
}

/** Whether the run may say that nothing is wrong. */
export function isGood(report: Report): boolean {
  const { lost, duplicated, reordered, foreign, ledgers, invalid } = report
  return lost + duplicated + reordered + foreign + ledgers.length + invalid.length === 0
}

/** Of one kind, so many tries without meeting anything say that it is broken. */
const TRIES = 3

/** Why nothing follows from a run in which nothing is wrong. */
function showsNothing(tally: Tally, verdicts: readonly RunVerdict[]): string[] {
  const [met, missed] = [total(tally.byKind), total(tally.missed)]
  const reasons: string[] = []
  if (met === 0) reasons.push('no fault met anything')
  if (missed > Math.max(2, met / 4)) reasons.push(`${missed} of ${met + missed} faults met nothing`)
  for (const [kind, times] of tally.missed) {
    if (times >= TRIES && !tally.byKind.has(kind)) reasons.push(`${kind} met nothing in ${times} tries`)
  }
  if (tally.recoveryMs.length === 0) reasons.push('no partition was affected')
  for (const { final } of verdicts) if (final.expected === 0) reasons.push('a topic asked for no outputs')
  return reasons
}

const byName = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b)))

export const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)

/** The smallest value that this share of all is not above; 0 of none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
}
