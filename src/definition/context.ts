import type { Duration, EpochMs } from '../units.js'
import type { Headers } from './headers.js'
import type { Unkeyed } from './marks.js'
import type { Origin } from './sink.js'

/** The key a step sees: typed, or the raw bytes of an unkeyed stream. */
export type KeyOf<K> = [K] extends [Unkeyed] ? Uint8Array | null : K

/** Second argument of every step function. Valid during the call only. */
export interface StepContext<K> {
  readonly key: KeyOf<K>
  /** Event time if assigned, else the record's. */
  readonly timestamp: EpochMs
  readonly headers: Headers
  readonly origin: Origin
  /** The epoch's time: the same on every attempt. Use it instead of `Date.now()`. */
  readonly now: EpochMs
  /** Seeded per record: the same on every attempt, in [0, 1). Use it instead of `Math.random()`. */
  random(): number
  /** Declares this record bad: it goes where `onError` says. */
  reject(reason: string, details?: Readonly<Record<string, unknown>>): never
}

/**
 * Second argument of an `asyncMap`'s function: of its own record for as long as anybody keeps it. Without `random`, since
 * what such a function does can't be made the same again.
 */
export interface AsyncContext<K> extends Omit<StepContext<K>, 'random'> {
  /** Aborts when this call has taken longer than `timeout`, and when its result isn't wanted any more. Hand it on. */
  readonly signal: AbortSignal
  /**
   * The same whenever this call is made again: by `retry`, after a failure, and by a fresh start. Give it to what is called, so
   * that it can tell a repeated call. Of a value that a processing-time timer gave it is the epoch's in which that fires: another
   * one where a pause, a shutdown or an error of its own put the timer off to the next epoch.
   */
  readonly idempotencyKey: string
}

/** Options of `asyncMap`. */
export interface AsyncOptions {
  /** Calls of one partition under way at once at most. 1 to 1,000; default 16. */
  readonly concurrency?: number
  /** How long one call may take. 1 ms to 10 minutes; default 30 s. */
  readonly timeout?: Duration
  /** Calls that fail or time out are made again. Default: they are not. */
  readonly retry?: {
    /** How many calls in all. 1 to 100. */
    readonly attempts: number
    /** Before the second call; doubled each time. Default 100 ms. */
    readonly initialInterval?: Duration
    /** Between two calls at most. Default 5 s. */
    readonly maximumInterval?: Duration
  }
}
