import type { StepContext } from '../definition/context.js'
import { refusePromise } from './promise.js'
import type { Push, Step } from './step.js'

/** One value for each value. */
export function mapStep(fn: (value: unknown, ctx: StepContext<unknown>) => unknown): Step {
  return {
    kind: 'map',
    ports: ['out'],
    deterministic: true,
    settings: {},
    code: String(fn),
    compile({ out }, { id, at, index }) {
      const push: Push = (value, ctx) => {
        at[0] = index
        const result = fn(value, ctx)
        if (result instanceof Promise) refusePromise(id, result)
        out?.(result, ctx)
      }
      return [push]
    },
  }
}
