import type { StateChange } from '../protocol/checkpoint.js'

/** Brings a task's state to where checkpoints name it. One per session; the steps' tables are its only source. */
export interface StateKeeper {
  /** Called between slices of records: begins beside processing what is to be done there. Never throws. */
  tend(): void
  /** False while so much is to be stored that an epoch had better go on: its checkpoint is late. */
  readonly ready: boolean
  /** What keeps it from being ready, where that is no mere matter of time. */
  readonly trouble: Error | null
  /**
   * What the checkpoint that is being made has to say; undefined: nothing has changed. All it names is durable. Throws
   * `StateTooLarge`, or `StateBackendUnavailable`: when `signal` aborts before that is reached or, `patient` false, when
   * it can't be reached now. Then nothing is lost, and it may be called again.
   */
  capture(signal: AbortSignal, patient?: boolean): Promise<StateChange | undefined>
  close(): Promise<void>
}
