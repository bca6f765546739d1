import type { EpochMs } from '../units.js'
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
