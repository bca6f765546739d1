import type { EventTime } from '../../src/definition/marks.js'
import type { Stream } from '../../src/definition/stream.js'
import { isBad } from './bad.js'
import type { Log } from './sim-broker.js'

/** A record, with what state held when it came: good records so far, this one included, and timers that had fired. */
export interface Counted {
  readonly v: number
  readonly count: number
  readonly fired: number
}

/** Of a timer: which, how many had fired by then, this one included, and the last good record before it. */
export interface SimTimer {
  readonly timer: string
  readonly nth: number
  readonly after: number
  readonly now: number
}

export const isTimer = (output: object): output is SimTimer => 'timer' in output

/** How long after its record's epoch a timer is due. */
const TIMER_MS = 700
/** Records are that far apart in event time, and come in order. */
const APART_MS = 10
const DISORDER_MS = 15
const BEHIND_MS = 20

const setsTimer = (v: number): boolean => v % 4 === 2
const setsEventTimer = (v: number): boolean => v % 5 === 1

/** Timers by event time that are due when all records from `origin` to before `end` are through and nothing else comes. */
export const eventTimers = (log: Log, origin: number, end: number): number =>
  log.filter((there, v) => there && v >= origin && v < end && !isBad(v) && setsEventTimer(v)).length

/** Good records from `origin` up to `v`. */
export const goodUpTo = (log: Log, origin: number, v: number): number =>
  log.filter((there, other) => there && other >= origin && other <= v && !isBad(other)).length

/** Counts records and fired timers, of which some records set one by either clock. */
export function withState(stream: Stream<number, string>): Stream<Counted | SimTimer, string, EventTime> {
  return stream
    .eventTime('time', (v) => v * APART_MS, { maxDisorder: DISORDER_MS })
    .stateful('count', {
      init: () => ({ count: 0, fired: 0, last: -1 }),
      onRecord(v, state, ctx) {
        const { count, fired } = state.get()
        state.set({ count: count + 1, fired, last: v })
        if (setsTimer(v)) ctx.timers.atProcessingTime(`p${v}`, ctx.now + TIMER_MS)
        if (setsEventTimer(v)) ctx.timers.atEventTime(`e${v}`, v * APART_MS + BEHIND_MS)
        return [{ v, count: count + 1, fired }]
      },
      onTimer(state, ctx) {
        const { count, fired, last } = state.get()
        state.set({ count, fired: fired + 1, last })
        return [{ timer: ctx.timer.name, nth: fired + 1, after: last, now: ctx.now }]
      },
    })
}
