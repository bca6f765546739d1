import type { EventTime } from '../../src/definition/marks.js'
import type { Stream } from '../../src/definition/stream.js'
import { isBad } from './bad.js'

/** A record, with what it was told where it was asked for. */
export interface Asked {
  readonly v: number
  readonly answer?: number
}

/** A record, with what state held when it came. */
export interface Counted extends Held, Asked {}

export interface Held {
  /** Good records so far, this one included. */
  readonly count: number
  /** Another number for each order in which they came. */
  readonly trail: number
  /** Timers that had fired. */
  readonly fired: number
  /** What the good records so far were told, this one included. */
  readonly told?: readonly number[]
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
const DISORDER_MS = 15
const BEHIND_MS = 20

const setsTimer = (v: number): boolean => v % 4 === 2
const setsEventTimer = (v: number): boolean => v % 5 === 1

/** Timers by event time that are due when those records are through and nothing else comes. */
export const eventTimers = (path: readonly number[]): number =>
  path.filter((v) => !isBad(v) && setsEventTimer(v)).length

/** What state holds of those records. */
export function heldOf(path: readonly number[]): Omit<Held, 'fired'> {
  const good = path.filter((v) => !isBad(v))
  return { count: good.length, trail: good.reduce(further, 0) }
}

const further = (trail: number, v: number): number => (Math.imul(trail, 31) + v) | 0

/** Event time for what doesn't say more than when each record was. */
export const timed = (
  stream: Stream<number, string>,
  id: string,
  timeOf: (v: number) => number,
  idleAfterMs?: number,
) =>
  stream.eventTime(id, timeOf, {
    maxDisorder: DISORDER_MS,
    ...(idleAfterMs !== undefined && { idleAfter: idleAfterMs }),
  })

/** Counts records and fired timers, of which some records set one by either clock. */
export function withState(
  stream: Stream<number | Asked, string, EventTime>,
  timeOf: (v: number) => number,
): Stream<Counted | SimTimer, string, EventTime> {
  return stream.stateful('count', {
    init: (): Omit<Held, 'told'> & { last: number; told: readonly number[] } => ({
      count: 0,
      trail: 0,
      fired: 0,
      last: -1,
      told: [],
    }),
    onRecord(record, state, ctx) {
      const { v, answer } = typeof record === 'number' ? { v: record } : record
      const before = state.get()
      const held = { count: before.count + 1, trail: further(before.trail, v), fired: before.fired }
      const told = answer === undefined ? before.told : [...before.told, answer]
      state.set({ ...held, last: v, told })
      if (setsTimer(v)) ctx.timers.atProcessingTime(`p${v}`, ctx.now + TIMER_MS)
      if (setsEventTimer(v)) ctx.timers.atEventTime(`e${v}`, timeOf(v) + BEHIND_MS)
      return [answer === undefined ? { v, ...held } : { v, ...held, answer, told }]
    },
    onTimer(state, ctx) {
      const { last, ...held } = state.get()
      state.set({ ...held, fired: held.fired + 1, last })
      return [{ timer: ctx.timer.name, nth: held.fired + 1, after: last, now: ctx.now }]
    },
  })
}

/** Notes what each record was told. */
export const withTold = (stream: Stream<Counted | SimTimer, string, EventTime>): typeof stream =>
  stream.stateful('told', {
    init: (): readonly number[] => [],
    onRecord(value, state) {
      if (isTimer(value) || value.answer === undefined) return [value]
      const told = [...state.get(), value.answer]
      state.set(told)
      return [{ ...value, told }]
    },
  })
