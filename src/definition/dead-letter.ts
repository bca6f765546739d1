import type { EpochMs } from '../units.js'
import type { Origin } from './sink.js'

/** A record that could not be processed, as the dead-letter sink gets it. As JSON, key and value are base64. */
export interface DeadLetter {
  readonly reason: string
  readonly error: { readonly code: string; readonly message: string }
  /** Id of the step or source that failed. */
  readonly step: string
  readonly origin: Origin
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: EpochMs
  readonly attempts: number
}

/** What `deadLetter(sink, { when })` decides on. */
export interface RecordFailure {
  readonly code: string
  readonly step: string
  readonly error: Error
  readonly origin: Origin
}
