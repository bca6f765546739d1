import type { Positions } from '../definition/position.js'
import type { Owner } from '../definition/sink.js'
import type { Details } from './base.js'
import { OwnershipError } from './families.js'

/** Which task. */
export interface TaskAt extends Details {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
}

const named = (at: TaskAt): string => `task ${at.pipeline}/${at.stage}/${at.partition}`

/** `generation 2, start 1, claim 7 of run 0198…` */
const owned = (owner: Owner): string =>
  `generation ${owner.generation}, start ${owner.incarnation}, claim ${owner.claim} of run ${owner.runId}`

export interface GenerationFencedDetails extends TaskAt {
  /** Ids of the sinks that the ledger belongs to, with commas between. */
  readonly sink: string
  /** Who was fenced. */
  readonly owner: Owner
  /** Who holds the ledger: what a live workflow claims above (PROTOCOL §2.2). Null where the ledger could not tell. */
  readonly ledgerOwner: Owner | null
}

/** Another owner has taken the ledger over. Activities end with it; the workflow claims again, or parks. */
export class GenerationFenced extends OwnershipError<GenerationFencedDetails> {
  constructor(details: GenerationFencedDetails, cause?: unknown) {
    const holder = details.ledgerOwner === null ? 'another owner' : owned(details.ledgerOwner)
    super(
      'GenerationFenced',
      `${named(details)} (${owned(details.owner)}) lost the ledger of sink ${details.sink} to ${holder}`,
      details,
      cause,
    )
  }
}

export interface NotCaughtUpDetails extends TaskAt {
  readonly epoch: number
  /** Where the attempt ended. */
  readonly positions: Positions
  /** The furthest position of its ledgers. */
  readonly furthest: Positions
}

/** An attempt ended before it had caught up with every ledger (PROTOCOL §3.4). */
export class NotCaughtUp extends OwnershipError<NotCaughtUpDetails> {
  constructor(details: NotCaughtUpDetails, cause?: unknown) {
    super(
      'NotCaughtUp',
      `${named(details)}: epoch ${details.epoch} ended at ${JSON.stringify(details.positions)}, below what its ledgers hold (${JSON.stringify(details.furthest)})`,
      details,
      cause,
    )
  }
}

export interface ForeignOwnerDetails extends TaskAt {
  readonly ledgerOwner: Owner | null
  /** How often runs outside the own chain fenced it since the last checkpoint. */
  readonly times: number
}

/** Fenced again and again by runs outside the task's own chain: two installations share one ledger. */
export class ForeignOwner extends OwnershipError<ForeignOwnerDetails> {
  constructor(details: ForeignOwnerDetails, cause?: unknown) {
    const by = details.ledgerOwner === null ? '' : `, last by ${owned(details.ledgerOwner)}`
    super(
      'ForeignOwner',
      `${named(details)} was fenced ${details.times} times by runs it does not know${by}: two installations share its ledger`,
      details,
      cause,
    )
  }
}

export interface SessionLostDetails extends TaskAt {
  /** Identity of the worker that had it; null if unknown. */
  readonly worker: string | null
  readonly reason: string
}

/** The session that an epoch was meant for isn't there: its worker died, was restarted, or has closed it. */
export class SessionLost extends OwnershipError<SessionLostDetails> {
  constructor(details: SessionLostDetails, cause?: unknown) {
    const where = details.worker === null ? '' : ` on worker ${details.worker}`
    super('SessionLost', `${named(details)} has no session${where}: ${details.reason}`, details, cause)
  }
}
