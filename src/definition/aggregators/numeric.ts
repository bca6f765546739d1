import { type MergeableAggregator, simplePlan } from '../aggregator.js'

/** Finite, or the record is bad: one NaN would spoil its key for ever. Adding 0 makes a 0 of -0, as JSON has it. */
function finite(what: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0
  throw new TypeError(`${what} needs a finite number, not ${typeof value === 'number' ? value : typeof value}`)
}

/** The sum of `of(value)`; 0 of nothing. A number that isn't finite, or a sum too large for one, makes the record bad. */
export function sum<T>(of: (value: T) => number): MergeableAggregator<T, number, number> {
  const plus = (a: number, b: number): number => finite('sum', a + b)
  return {
    init: () => 0,
    add: (acc, value) => plus(acc, finite('sum', of(value))),
    merge: plus,
    result: (acc) => acc,
    '~plan': simplePlan('sum', requiredFunction(of)),
  }
}

/** The mean of `of(value)`; NaN of nothing. A number that isn't finite, or a sum too large for one, makes the record bad. */
export function average<T>(
  of: (value: T) => number,
): MergeableAggregator<T, readonly [total: number, n: number], number> {
  return {
    init: () => [0, 0],
    add: ([total, n], value) => [finite('average', total + finite('average', of(value))), n + 1],
    merge: ([a, n], [b, m]) => [finite('average', a + b), n + m],
    result: ([total, n]) => total / n,
    '~plan': simplePlan('average', requiredFunction(of)),
  }
}

/** The least `of(value)`; NaN of nothing. A number that isn't finite makes the record bad. */
export function min<T>(of: (value: T) => number): MergeableAggregator<T, number | null, number> {
  return extreme('min', of, (a, b) => (b < a ? b : a))
}

/** The greatest `of(value)`; NaN of nothing. A number that isn't finite makes the record bad. */
export function max<T>(of: (value: T) => number): MergeableAggregator<T, number | null, number> {
  return extreme('max', of, (a, b) => (b > a ? b : a))
}

/** Null stands for nothing: JSON has no Infinity. */
function extreme<T>(
  name: string,
  of: (value: T) => number,
  better: (a: number, b: number) => number,
): MergeableAggregator<T, number | null, number> {
  return {
    init: () => null,
    add: (acc, value) => {
      const next = finite(name, of(value))
      return acc === null ? next : better(acc, next)
    },
    merge: (a, b) => (a === null ? b : b === null ? a : better(a, b)),
    result: (acc) => acc ?? Number.NaN,
    '~plan': simplePlan(name, requiredFunction(of)),
  }
}

/** Undefined would count as none asked for. */
function requiredFunction(fn: unknown): unknown {
  return fn ?? null
}
