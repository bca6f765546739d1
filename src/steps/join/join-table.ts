import { keyedState, type StateSettings } from '../keyed-state.js'
import { refusePromise } from '../promise.js'
import { stateKeyOf } from '../state-key.js'
import type { Push, Step } from '../step.js'
import type { Combine } from './join.js'

export interface JoinTableSettings {
  readonly how: 'inner' | 'left'
  readonly state: StateSettings
}

/** Each value of a stream with the row of its key in a table, as that is when the value comes. */
export function joinTableStep(combine: Combine, { how, state }: JoinTableSettings): Step {
  return {
    kind: 'joinTable',
    ports: ['out'],
    deterministic: true,
    settings: { how, ttlMs: state.ttlMs },
    code: String(combine),
    state: { version: state.version },
    compile({ out }, runtime) {
      const { id, at, index } = runtime
      const rows = keyedState(runtime, 'rows', state)
      const pushValue: Push = (value, ctx) => {
        at[0] = index
        const row = rows.get(stateKeyOf(ctx), ctx.now)
        if (row === undefined && how === 'inner') return
        const joined = combine(value, row, ctx)
        if (joined instanceof Promise) refusePromise(id, joined)
        out?.(joined, ctx)
      }
      const pushRow: Push = (row, ctx) => {
        at[0] = index
        const key = stateKeyOf(ctx)
        if (row === null || row === undefined) rows.delete(key)
        else rows.set(key, row, ctx.now)
      }
      return [pushValue, pushRow]
    },
  }
}
