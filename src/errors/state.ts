import { reasonOf } from './base.js'
import { DefinitionError, StateError } from './families.js'
import type { TaskAt } from './ownership.js'

const named = (at: TaskAt): string => `task ${at.pipeline}/${at.stage}/${at.partition}`

export interface StateTooLargeDetails extends TaskAt {
  /** Of what would have to be kept, and what may be, compressed. */
  readonly bytes: number
  readonly limit: number
}

/** A task's state is larger than what may lie in workflow history. */
export class StateTooLarge extends StateError<StateTooLargeDetails> {
  constructor(details: StateTooLargeDetails, cause?: unknown) {
    const { bytes, limit } = details
    super(
      'StateTooLarge',
      `the state of ${named(details)} takes ${bytes} bytes compressed, and ${limit} may lie in workflow history: give the pipeline a state backend`,
      details,
      cause,
    )
  }
}

export interface StateCorruptDetails extends TaskAt {
  readonly segment: string
  /** Why, where the cause's own message isn't the right one. */
  readonly reason?: string
  /** It holds no state, but what calls came to behind the last checkpoint, which that doesn't need. */
  readonly answers?: true
}

/** A segment of a task's state, or of what its calls came to, isn't what was written. */
export class StateCorrupt extends StateError<StateCorruptDetails> {
  constructor(details: StateCorruptDetails, cause?: unknown) {
    const { segment, answers, reason = reasonOf(cause) } = details
    const what =
      answers === true
        ? `segment ${segment}, with what calls of ${named(details)} came to behind its last checkpoint,`
        : `segment ${segment} of the state of ${named(details)}`
    const remedy =
      answers === true ? '. Restore it, or rewind to that checkpoint: what ledgers hold behind it is written again' : ''
    super('StateCorrupt', `${what} cannot be read: ${reason}${remedy}`, details, cause)
  }
}

export interface StateNotKeepableDetails extends TaskAt {
  readonly step: string
}

/** A step keeps a value that can't be stored: one of a class, a function, or what its serde refuses. */
export class StateNotKeepable extends StateError<StateNotKeepableDetails> {
  constructor(details: StateNotKeepableDetails, cause?: unknown) {
    const { step } = details
    super(
      'StateNotKeepable',
      `step '${step}' of ${named(details)} keeps what can't be stored: ${reasonOf(cause)}`,
      details,
      cause,
    )
  }
}

/** A checkpoint names state in a backend, and the pipeline has none any more. */
export class StateBackendMissing extends StateError<TaskAt> {
  constructor(details: TaskAt, cause?: unknown) {
    super(
      'StateBackendMissing',
      `the state of ${named(details)} lies in a state backend, and the pipeline has none`,
      details,
      cause,
    )
  }
}

export interface StateBackendFailure extends TaskAt {
  /** What it is: `directory /var/state`. Never a secret. */
  readonly backend: string
  /** What could not be done, as in "could not write a segment". */
  readonly doing: string
  /** Why, where the cause's own message isn't the right one. */
  readonly reason?: string
}

/** A task's state backend can't be reached, is full, or refuses. What was to be stored is kept until it can be. */
export class StateBackendUnavailable extends StateError<StateBackendFailure> {
  constructor(details: StateBackendFailure, cause?: unknown) {
    const { backend, doing, reason = reasonOf(cause) } = details
    super(
      'StateBackendUnavailable',
      `the state backend of ${named(details)} could not ${doing} (${backend}): ${reason}`,
      details,
      cause,
    )
  }
}

export interface StateStoreFailure extends TaskAt {
  /** What it is: `directory /var/cache/state`. Never a secret. */
  readonly store: string
  /** What could not be done, as in "could not write values". */
  readonly doing: string
}

/**
 * A worker's own store for state can't be opened (its package may be missing), is full, or fails. It ends the session: the task
 * claims again, and builds the store anew from the checkpoint.
 */
export class StateStoreUnavailable extends StateError<StateStoreFailure> {
  constructor(details: StateStoreFailure, cause?: unknown) {
    const { store, doing } = details
    super(
      'StateStoreUnavailable',
      `the worker's store for the state of ${named(details)} could not ${doing} (${store}): ${reasonOf(cause)}`,
      details,
      cause,
    )
  }
}

export interface CheckpointsFailedDetails extends TaskAt {
  readonly epoch: number
  /** In a row, this one included. */
  readonly failed: number
  /** So many may fail; null: any number. */
  readonly tolerableFailures: number | null
  readonly timeoutMs: number
  /** What kept the last one from being made. */
  readonly reason: string
}

/**
 * Checkpoints took longer than they may. Shown as trouble while that is tolerated; beyond, it ends the session, and the task
 * goes on from its last checkpoint.
 */
export class CheckpointsFailed extends StateError<CheckpointsFailedDetails> {
  constructor(details: CheckpointsFailedDetails, cause?: unknown) {
    const { failed, tolerableFailures, timeoutMs, epoch, reason } = details
    const many = failed === 1 ? 'a checkpoint' : `${failed} checkpoints in a row`
    const tolerable = tolerableFailures === null ? 'any number is' : `${tolerableFailures} are`
    super(
      'CheckpointsFailed',
      `${many} of ${named(details)} failed behind epoch ${epoch - 1}, after ${timeoutMs} ms each (${tolerable} tolerated): ${reason}`,
      details,
      cause,
    )
  }
}

export interface PlanIncompatibleDetails extends TaskAt {
  /** State that no step of the plan takes, as `<step> <table>`, or what a step can't read, with the reason. */
  readonly steps: readonly string[]
}

/** A checkpoint holds state of steps that are gone or changed. */
export class PlanIncompatible extends DefinitionError<PlanIncompatibleDetails> {
  constructor(details: PlanIncompatibleDetails, cause?: unknown) {
    const { steps } = details
    super(
      'PlanIncompatible',
      `the checkpoint of ${named(details)} holds state that this code can't take over: ${steps.join('; ')}`,
      details,
      cause,
    )
  }
}
