import { type Aggregator, type MergeableAggregator, planOf, simplePlan } from '../aggregator.js'
import type { Fault } from '../fault.js'
import { faultAt } from '../faults-of.js'

/** How many values there were. */
export function count(): MergeableAggregator<unknown, number, number> {
  return {
    init: () => 0,
    add: (acc) => acc + 1,
    merge: (a, b) => a + b,
    result: (acc) => acc,
    '~plan': simplePlan('count', undefined),
  }
}

/** The values themselves, in the order in which they came; with `limit`, the first so many. All of them are state: set a limit. */
export function collect<T>(
  options: { readonly limit?: number } = {},
): MergeableAggregator<T, readonly T[], readonly T[]> {
  const { limit = Infinity } = options
  const wrong: readonly Fault[] =
    limit === Infinity || (Number.isSafeInteger(limit) && limit > 0)
      ? []
      : [faultAt('aggregator.limit', 'must be a whole number above 0', limit)]
  return {
    init: () => [],
    add: (acc, value) => (acc.length >= limit ? acc : [...acc, value]),
    merge: (a, b) => (a.length + b.length > limit ? [...a, ...b].slice(0, limit) : [...a, ...b]),
    result: (acc) => acc,
    '~plan': simplePlan(limit === Infinity ? 'collect' : { collect: limit }, undefined, wrong),
  }
}

/** All values folded into one: `fn(fn(first, second), third)`. `undefined` of nothing. `fn` must not change what it is given. */
export function reduce<T>(fn: (a: T, b: T) => T): MergeableAggregator<T, readonly T[], T> {
  return {
    init: () => [],
    add: (acc, value) => [acc.length === 0 ? value : fn(acc[0] as T, value)],
    merge: (a, b) => (a.length === 0 ? b : b.length === 0 ? a : [fn(a[0] as T, b[0] as T)]),
    result: (acc) => acc[0] as T,
    '~plan': simplePlan('reduce', fn ?? null),
  }
}

/** An aggregator of one's own: as it is given, with its types inferred. Session windows and `combine` need `merge`. */
export function aggregate<T, A, R>(aggregator: {
  readonly init: () => A
  readonly add: (acc: A, value: T) => A
  readonly merge: (a: A, b: A) => A
  readonly result: (acc: A) => R
}): MergeableAggregator<T, A, R>
export function aggregate<T, A, R>(aggregator: {
  readonly init: () => A
  readonly add: (acc: A, value: T) => A
  readonly result: (acc: A) => R
}): Aggregator<T, A, R>
export function aggregate<T, A, R>(aggregator: Aggregator<T, A, R>): Aggregator<T, A, R> {
  return { ...aggregator, '~plan': planOf(aggregator) }
}
