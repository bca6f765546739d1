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
  readonly reason: string
}

/** A segment of a task's state isn't what was written. */
export class StateCorrupt extends StateError<StateCorruptDetails> {
  constructor(details: TaskAt & { readonly segment: string }, cause: unknown) {
    const reason = reasonOf(cause)
    super(
      'StateCorrupt',
      `segment ${details.segment} of the state of ${named(details)} cannot be read: ${reason}`,
      { ...details, reason },
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
