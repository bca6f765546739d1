import type { StepContext } from '../definition/context.js'
import { textKey, textOfKey } from '../state/text-key.js'
import type { EpochMs } from '../units.js'
import { refusePromise } from './promise.js'
import { leastOfAll } from './stage-time.js'
import type { Push, Step } from './step.js'

/** Ids are of the whole stream, whatever the key: a task that takes over knows those of all. */
const latestOf = (times: readonly (EpochMs | undefined)[]): EpochMs | undefined => {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

/**
 * Hands on the first value of each id, and no other until the time of the stream, the latest `ctx.timestamp` here, is
 * more than `withinMs` later than it was then. Sees its own partition only.
 */
export function dedupeStep(by: (value: unknown, ctx: StepContext<unknown>) => unknown, withinMs: number): Step {
  return {
    kind: 'dedupe',
    ports: ['out'],
    deterministic: true,
    settings: { withinMs },
    code: String(by),
    state: { version: 1 },
    compile({ out }, runtime) {
      const { id, at, index } = runtime
      /** The time of the stream when the id came. */
      const ids = runtime.table<EpochMs>('ids', {
        due: (seen) => seen + withinMs,
        moves: { by: 'task', merge: latestOf },
        parts: (key) => [textOfKey(key)],
      })
      const times = runtime.table<EpochMs>('latest', { moves: { by: 'task', merge: leastOfAll } })
      const push: Push = (value, ctx) => {
        at[0] = index
        const given = by(value, ctx)
        if (given instanceof Promise) refusePromise(id, given)
        if (typeof given !== 'string') throw new TypeError(`step '${id}': by must return a text, not ${typeof given}`)
        let latest = times.get('') ?? -Infinity
        const { timestamp } = ctx
        if (timestamp > latest) {
          latest = timestamp
          times.set('', latest)
          for (let old = ids.firstDueBy(latest); old !== undefined && old.at < latest; old = ids.firstDueBy(latest)) {
            ids.delete(old.key)
          }
        }
        const key = textKey(given)
        if (ids.get(key) !== undefined) return
        ids.set(key, latest)
        out?.(value, ctx)
      }
      return [push]
    },
  }
}
