import type { Fault } from './fault.js'

/**
 * Makes one result of many values. `add` and `merge` return the next accumulator and never change the one they are given.
 * Accumulators are plain data: JSON, `Date`, `Map`, `Set`, bigint.
 */
export interface Aggregator<in T, A, out R> {
  readonly init: () => A
  readonly add: (acc: A, value: T) => A
  readonly result: (acc: A) => R
  /** Of two accumulators, the earlier one first. Session windows need it. */
  readonly merge?: (a: A, b: A) => A
  /** Of this package's own aggregators. */
  readonly '~plan'?: AggregatorPlan
}

/** An aggregator whose accumulators can be merged. */
export interface MergeableAggregator<in T, A, out R> extends Aggregator<T, A, R> {
  readonly merge: (a: A, b: A) => A
}

/** What a definition has to know of an aggregator. */
export interface AggregatorPlan {
  /** What decides its results, but for code. JSON only. */
  readonly settings: unknown
  /** Source text of its functions. */
  readonly code: string
  readonly faults: readonly Fault[]
}

/** An aggregator with its types forgotten. */
export type AnyAggregator = Aggregator<unknown, unknown, unknown>

/** The plan of any aggregator; users' own have nothing but code. */
export function planOf<T, A, R>(aggregator: Aggregator<T, A, R>): AggregatorPlan {
  const plan = aggregator['~plan']
  if (plan !== undefined) return plan
  const { init, add, merge, result } = aggregator
  return { settings: 'own', code: [init, add, merge, result].map(String).join('\n'), faults: [] }
}

/** The plan of an aggregator of one kind. */
export function simplePlan(settings: unknown, fn: unknown, faults: readonly Fault[] = []): AggregatorPlan {
  const notFunction: Fault = { path: 'aggregator', message: 'needs a function as its argument' }
  const wrong = typeof fn === 'function' || fn === undefined ? faults : [...faults, notFunction]
  return { settings, code: String(fn), faults: wrong }
}
