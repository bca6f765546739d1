import { OwnershipError } from './families.js'
import type { Owner } from '../definition/sink.js'

/** Which task. */
export interface TaskDetails {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly [more: string]: unknown
}

const taskOf = (d: TaskDetails): string => `${d.pipeline}/${d.stage}/${d.partition}`
const text = (o: Owner): string => `(${o.generation}, ${o.incarnation}, ${o.claim}) of run ${o.runId}`

/** A newer owner holds the ledger. `holder` is that owner. */
export class GenerationFenced extends OwnershipError<TaskDetails> {
  constructor(
    details: TaskDetails & { readonly ledger: string; readonly owner: Owner; readonly holder: Owner },
    cause?: unknown,
  ) {
    super(
      'GenerationFenced',
      `task ${taskOf(details)}: the ledger of sink '${details.ledger}' is held by owner ${text(details.holder)}, which is newer than ${text(details.owner)}`,
      details,
      cause,
    )
  }
}

/** An attempt ended before it had caught up with what an earlier one committed. */
export class NotCaughtUp extends OwnershipError<TaskDetails> {
  constructor(details: TaskDetails & { readonly epoch: number; readonly position: string; readonly furthest: string }) {
    super(
      'NotCaughtUp',
      `task ${taskOf(details)}: epoch ${details.epoch} ended at ${details.position}, before it had caught up with ${details.furthest}`,
      details,
    )
  }
}

/** Runs outside this pipeline's own chain take the ledger again and again. */
export class ForeignOwner extends OwnershipError<TaskDetails> {
  constructor(details: TaskDetails & { readonly holder: Owner }) {
    super(
      'ForeignOwner',
      `task ${taskOf(details)}: its ledger is taken again and again by run ${details.holder.runId}, which is not of this pipeline's chain`,
      details,
    )
  }
}

/** The worker that held the session is gone, or no longer holds it. */
export class SessionLost extends OwnershipError<TaskDetails> {
  constructor(details: TaskDetails & { readonly reason: string }, cause?: unknown) {
    super('SessionLost', `task ${taskOf(details)}: the session is lost: ${details.reason}`, details, cause)
  }
}
