import type { Positions } from '../definition/position.js'
import type { EpochMs } from '../units.js'

/** One entry of what a step keeps. */
export interface StateEntry {
  /** Which of the step's tables: `values`, `windows`, `event-timers` … */
  readonly table: string
  /** Its key, or its keys where there are several: of a timer, the record's and the timer's name; of a window, the record's and its start. Bytes that are no text: as hexadecimal. */
  readonly key: readonly string[]
  /** As the step holds it. */
  readonly value: unknown
}

/** Input of `tidemark.look`: what of a step's state is wanted. */
export interface LookInput {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly step: string
  /** Of this key only: its text. */
  readonly key?: string
  readonly limit: number
}

/** Input of `tidemarkLook`. */
export interface LookRequest {
  /** Of the process that holds the task's session. */
  readonly queue: string
  readonly look: LookInput
}

/** What the session of a task knows at this moment, between two records. Values as JSON has them. */
export interface LookResult {
  readonly generation: number
  /** Of the last checkpoint: this is newer, or the same. */
  readonly epoch: number
  /** Up to here it is true: every record before has been through the step, none after. */
  readonly positions: Positions
  /** How far event time has come; null where there is none. */
  readonly watermark: EpochMs | null
  /** Entries that match, those that are left out too. */
  readonly count: number
  readonly entries: readonly StateEntry[]
  /** Less than `limit` are shown, for their size. */
  readonly cut?: true
}
