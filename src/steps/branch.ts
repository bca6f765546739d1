import type { StepContext } from '../definition/context.js'
import { refusePromise } from './promise.js'
import type { Push, Step } from './step.js'

type Predicate = (value: unknown, ctx: StepContext<unknown>) => unknown

/** Each value to the port of the first predicate that is true for it, or nowhere. */
export function branchStep(branches: Readonly<Record<string, Predicate>>): Step {
  const ports = Object.keys(branches)
  const predicates = Object.values(branches)
  return {
    kind: 'branch',
    ports,
    deterministic: true,
    settings: {},
    code: predicates.map(String).join('\n'),
    compile(out, { id, at, index }) {
      const pushes = ports.map((port) => out[port])
      const push: Push = (value, ctx) => {
        at[0] = index
        for (let i = 0; i < predicates.length; i++) {
          const found = predicates[i]?.(value, ctx)
          if (found instanceof Promise) refusePromise(id, found)
          if (found) {
            pushes[i]?.(value, ctx)
            return
          }
        }
      }
      return [push]
    },
  }
}
