import type { StepContext } from '../definition/context.js'
import type { EpochMs } from '../units.js'
import { refusePromise } from './promise.js'
import { flowOf, type Push, type Step } from './step.js'

/** The range of `Date`, either side of 1970. */
const MOST = 8.64e15
/** What a Kafka record without a timestamp has in its place: of a record that has it, it is no time in 1969. */
const NO_TIME = -1

export interface EventTimeSettings {
  readonly maxDisorderMs: number
  readonly idleAfterMs: number | null
}

/** Gives each value its event time, in whole ms, and moves the watermark. A value without a valid time makes its record bad. */
export function eventTimeStep(
  fn: (value: unknown, ctx: StepContext<unknown>) => unknown,
  { maxDisorderMs, idleAfterMs }: EventTimeSettings,
): Step {
  return {
    kind: 'eventTime',
    ports: ['out'],
    deterministic: true,
    settings: { maxDisorderMs, idleAfterMs },
    code: String(fn),
    state: { version: 1 },
    maxDisorder: maxDisorderMs,
    idleAfter: idleAfterMs,
    compile({ out }, runtime) {
      const { id, at, index } = runtime
      const push: Push = (value, ctx) => {
        at[0] = index
        const given = fn(value, ctx)
        if (given instanceof Promise) refusePromise(id, given)
        const time = msOf(given)
        const flow = flowOf(ctx)
        const isNone = time === NO_TIME && flow.eventTime === undefined && ctx.timestamp === NO_TIME
        if (time === null || isNone)
          return ctx.reject('has no valid event time: a Date or milliseconds since 1970 are asked for')
        runtime.observe(time, ctx)
        const before = flow.eventTime
        flow.eventTime = time
        try {
          out?.(value, ctx)
        } finally {
          flow.eventTime = before
        }
      }
      return [push]
    },
  }
}

function msOf(given: unknown): EpochMs | null {
  const ms = typeof given === 'number' ? given : given instanceof Date ? given.getTime() : Number.NaN
  // The comparison is false for NaN too; adding 0 makes a 0 of -0, as JSON has it.
  return Math.abs(ms) <= MOST ? Math.floor(ms) + 0 : null
}
