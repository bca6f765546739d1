import type { EpochMs } from '../units.js'

/** Input of `tidemarkSavepoint`. */
export interface SavepointInput {
  readonly pipeline: string
  readonly label: string
  /**
   * Part of the names of all that it keeps, and drawn for it alone: an attempt at another one of this label, which stood still
   * meanwhile, does it no harm. Absent: made before there were any.
   */
  readonly id?: string
  readonly tasks: readonly { readonly stage: string; readonly partition: number }[]
  /** The run of the pipeline that has to have ended, and to be the newest until all is kept; null: it may run. */
  readonly atRest: string | null
}

/** Input of `tidemark.keepCheckpoint`. */
export interface KeepInput extends Omit<SavepointInput, 'tasks'> {
  readonly stage: string
  readonly partition: number
}

/** Whose checkpoint a savepoint has, and which. */
export interface SavedTask {
  readonly stage: string
  readonly partition: number
  readonly generation: number
  readonly epoch: number
  /** Null: what a generation began with. */
  readonly recordedAt: EpochMs | null
  /** Of its state, compressed. */
  readonly bytes: number
  /** The state backend that has copies of it: `directory /var/state`. Absent: all of it is in Temporal. */
  readonly backend?: string
}

/** What the memo of a savepoint says, from when it is whole. */
export interface SavepointMemo {
  readonly pipeline: string
  readonly label: string
  readonly id?: string
  readonly at: EpochMs
  readonly tasks: readonly SavedTask[]
}
