import type { Positions } from '../definition/position.js'
import type { SourceRecord } from '../definition/source.js'
import type { Input } from './input.js'

/** A source that has nothing just now is waited for so long, before the epoch goes on without it. */
export const GATHER_MS = 200
/** The same for one that hasn't answered yet: it may have much. */
const FIRST_ANSWER_MS = 500

/** Up to where one source may go before it is another's turn: that one's next record. */
export interface Limit {
  readonly timestamp: number
  /** That one comes first among records of the same time. */
  readonly wins: boolean
}

/** What comes next: records of one source, up to the limit; or nothing can be taken just now. */
export type Turn =
  | { readonly kind: 'take'; readonly input: Input; readonly limit: Limit | null }
  /** Nothing has come, or a record that is there may not be the next. At most `forMs`. */
  | { readonly kind: 'wait'; readonly hungry: readonly Input[]; readonly forMs: number }
  /** All sources stand at their goals, or have ended. */
  | { readonly kind: 'over' }
  /** What is left comes from sources without which this epoch went on. */
  | { readonly kind: 'spent' }

/**
 * The one order in which records of several sources go through the steps: of those that are next in each, the one with the
 * least timestamp, and among equals that of the source defined first. It is that of the sets of records alone, each
 * source's up to where it got, as long as no source is taken up again within an epoch that went on without it: so whoever
 * executes the epoch again, up to any positions it has been at, comes through the same ones (PROTOCOL §6).
 */
export class Turns {
  private readonly inputs: readonly Input[]
  private readonly gatherMs: number
  private readonly now: () => number
  /** Since when a record waits for sources that have none. */
  private waitingSince: number | null = null

  /** A new epoch: all sources take part in it. */
  constructor(inputs: readonly Input[], gatherMs = GATHER_MS, now: () => number = () => performance.now()) {
    this.inputs = inputs
    this.gatherMs = gatherMs
    this.now = now
    for (const input of inputs) input.closed = false
  }

  /** `goal`: no source goes beyond it, and all are waited for, for all of them have it. */
  next(goal: Positions | null): Turn {
    const { inputs } = this
    let first: Input | undefined
    let second: Input | undefined
    let hungry: Input[] | undefined
    let closed = false
    for (const input of inputs) {
      if (input.ended || (goal !== null && input.has(goal[input.id]))) continue
      if (input.closed) closed = true
      else if (input.prefetch.head === undefined) (hungry ??= []).push(input)
      else if (first === undefined || comesBefore(input, first)) [first, second] = [input, first]
      else if (second === undefined || comesBefore(input, second)) second = input
    }
    if (first === undefined) {
      this.waitingSince = null
      if (hungry !== undefined) return { kind: 'wait', hungry, forMs: Infinity }
      return closed ? { kind: 'spent' } : { kind: 'over' }
    }
    // The end of a batch is nobody else's matter.
    if (hungry === undefined || first.next === undefined) {
      this.waitingSince = null
      return { kind: 'take', input: first, limit: limitOf(second, first) }
    }
    if (goal !== null) return { kind: 'wait', hungry, forMs: Infinity }
    const waited = this.now() - (this.waitingSince ??= this.now())
    let forMs = Infinity
    for (const input of hungry) {
      const left = this.patienceWith(input) - waited
      if (left <= 0) input.closed = true
      else forMs = Math.min(forMs, left)
    }
    return hungry.every((input) => input.closed) ? this.next(goal) : { kind: 'wait', hungry, forMs }
  }

  /** A source that is known to have more is waited for until it is in trouble. */
  private patienceWith({ prefetch }: Input): number {
    if (prefetch.trouble !== null) return this.gatherMs
    if (!prefetch.answered) return Math.min(this.gatherMs * 3, FIRST_ANSWER_MS)
    return (prefetch.lag ?? 0) > 0 ? Infinity : this.gatherMs
  }
}

/** It is another source's turn before that record. */
export function isBehind({ timestamp = -Infinity }: SourceRecord<unknown>, limit: Limit): boolean {
  return timestamp > limit.timestamp || (limit.wins && timestamp === limit.timestamp)
}

/** Records without a timestamp, and what is left of a batch without records, come at once. */
const timeOf = ({ next }: Input): number => next?.timestamp ?? -Infinity

/** Of inputs in the order of their definition, `a` behind `b`. */
const comesBefore = (a: Input, b: Input): boolean =>
  a.next === undefined ? b.next !== undefined : b.next !== undefined && timeOf(a) < timeOf(b)

function limitOf(second: Input | undefined, first: Input): Limit | null {
  if (second === undefined) return null
  return { timestamp: timeOf(second), wins: second.order < first.order }
}
