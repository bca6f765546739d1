import { type AnyAggregator, planOf } from './aggregator.js'
import { count } from './aggregators/index.js'
import type { Fault } from './fault.js'

/** An aggregator, or any, with what is wrong with it. `merges`: it has to have `merge`. */
export function checkAggregator(aggregator: unknown, path: string, merges: boolean): [AnyAggregator, readonly Fault[]] {
  const given = aggregator as AnyAggregator | null | undefined
  if (typeof given?.add !== 'function' || typeof given.init !== 'function' || typeof given.result !== 'function') {
    return [count() as AnyAggregator, [{ path, message: 'needs an aggregator, such as count()' }]]
  }
  const faults = planOf(given).faults.map((fault) => ({ ...fault, path: `${path}.${fault.path}` }))
  if (!merges || typeof given.merge === 'function') return [given, faults]
  return [count() as AnyAggregator, [...faults, { path: `${path}.aggregator`, message: 'needs merge: sessions merge' }]]
}
