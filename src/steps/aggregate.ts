import { type AnyAggregator, planOf } from '../definition/aggregator.js'
import { keyedState, type StateSettings } from './keyed-state.js'
import { refusePromise } from './promise.js'
import { stateKeyOf } from './state-key.js'
import type { Push, Step } from './step.js'

/** `count`, `reduce` and `aggregate`: per key, over all values so far. Hands on the new result for each value. */
export function aggregateStep(
  kind: 'count' | 'reduce' | 'aggregate',
  aggregator: AnyAggregator,
  settings: StateSettings,
): Step {
  const plan = planOf(aggregator)
  return {
    kind,
    ports: ['out'],
    deterministic: true,
    settings: { aggregator: plan.settings, ttlMs: settings.ttlMs },
    code: plan.code,
    state: { version: settings.version },
    compile({ out }, runtime) {
      const { id, at, index } = runtime
      const state = keyedState(runtime, 'values', settings)
      const push: Push = (value, ctx) => {
        at[0] = index
        const key = stateKeyOf(ctx)
        const before = state.get(key, ctx.now)
        const next = aggregator.add(before === undefined ? aggregator.init() : before, value)
        if (next instanceof Promise) refusePromise(id, next)
        if (next === undefined) state.delete(key)
        else state.set(key, next, ctx.now)
        const result = aggregator.result(next)
        if (result instanceof Promise) refusePromise(id, result)
        out?.(result, ctx)
      }
      return [push]
    },
  }
}
