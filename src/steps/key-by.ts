import type { StepContext } from '../definition/context.js'
import { noHeaders } from '../definition/headers.js'
import type { Serde } from '../definition/serde.js'
import { refusePromise } from './promise.js'
import { flowOf, type Push, type Step } from './step.js'

/**
 * Another key for each value, which must be in this partition already: nothing is moved. Where the source can tell, one
 * that isn't makes its record bad.
 */
export function keyByStep(fn: (value: unknown, ctx: StepContext<unknown>) => unknown, serde: Serde<unknown>): Step {
  return {
    kind: 'keyBy',
    ports: ['out'],
    deterministic: true,
    settings: {},
    code: String(fn),
    decodeKey: (bytes) => {
      const key = serde.decode(bytes, { topic: '', headers: noHeaders, isKey: true })
      if (key instanceof Promise) refusePromise('the key serde', key)
      return key
    },
    compile({ out }, runtime) {
      const { id, at, index } = runtime
      const push: Push = (value, ctx) => {
        at[0] = index
        const key = fn(value, ctx)
        if (key instanceof Promise) refusePromise(id, key)
        if (key === undefined || key === null) return ctx.reject('has no key: the function of this step returned none')
        const bytes = serde.encode(key)
        runtime.mustBeHere(bytes)
        const flow = flowOf(ctx)
        const { typedKey, keyText } = flow
        flow.typedKey = key
        flow.keyText = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
        try {
          out?.(value, ctx)
        } finally {
          flow.typedKey = typedKey
          flow.keyText = keyText
        }
      }
      return [push]
    },
  }
}
