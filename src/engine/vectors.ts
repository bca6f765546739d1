import type { ComparePositions, Positions } from '../definition/position.js'

/**
 * How positions of each source of a task are ordered. Positions of all its sources grow one record after the other, in one
 * order (turns.ts), so of any two that occur in an epoch one is behind the other in all of its sources.
 */
export type Order = Readonly<Record<string, ComparePositions>>

/** Whether all below `goal` is below `at`, too. A source that `goal` doesn't know has no part in it. */
export function reaches(at: Positions, goal: Positions, order: Order): boolean {
  return compare(at, goal, order, (a) => a < 0) === 0
}

/** Negative, zero or positive, as `Array.prototype.sort` wants it. */
export function compareVectors(a: Positions, b: Positions, order: Order): number {
  return compare(a, b, order, (one) => one !== 0)
}

/** The first of the sources' comparisons that `counts`; else 0. */
function compare(a: Positions, b: Positions, order: Order, counts: (comparison: number) => boolean): number {
  for (const source of Object.keys(order)) {
    const [one, other] = [a[source], b[source]]
    if (one === undefined || other === undefined) continue
    const comparison = order[source]?.(one, other) ?? 0
    if (counts(comparison)) return comparison
  }
  return 0
}
