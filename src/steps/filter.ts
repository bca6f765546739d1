import type { StepContext } from '../definition/context.js'
import { refusePromise } from './promise.js'
import type { Push, Step } from './step.js'

/** Only the values for which `fn` is true. */
export function filterStep(fn: (value: unknown, ctx: StepContext<unknown>) => unknown): Step {
  return {
    kind: 'filter',
    ports: ['out'],
    deterministic: true,
    settings: {},
    code: String(fn),
    compile({ out }, { id, at, index }) {
      const push: Push = (value, ctx) => {
        at[0] = index
        const keep = fn(value, ctx)
        if (keep instanceof Promise) refusePromise(id, keep)
        if (keep) out?.(value, ctx)
      }
      return [push]
    },
  }
}
