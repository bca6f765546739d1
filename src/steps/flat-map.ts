import type { StepContext } from '../definition/context.js'
import { refusePromise } from './promise.js'
import type { Push, Step } from './step.js'

/** Any number of values for each value. An iterable is read as its values are taken on, and closed if a later step throws. */
export function flatMapStep(fn: (value: unknown, ctx: StepContext<unknown>) => Iterable<unknown>): Step {
  return {
    kind: 'flatMap',
    ports: ['out'],
    deterministic: true,
    settings: {},
    code: String(fn),
    compile({ out }, { id, at, index }) {
      const take = (item: unknown, ctx: StepContext<unknown>): void => {
        if (item instanceof Promise) refusePromise(id, item)
        out?.(item, ctx)
        at[0] = index
      }
      const push: Push = (value, ctx) => {
        at[0] = index
        const items: unknown = fn(value, ctx)
        if (items instanceof Promise) refusePromise(id, items)
        if (!isIterable(items)) throw new TypeError(`step '${id}' must return an iterable, such as an array`)
        for (const item of items) take(item, ctx)
      }
      return [push]
    },
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return value !== null && value !== undefined && typeof Object(value)[Symbol.iterator] === 'function'
}
