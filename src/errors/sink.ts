import type { Positions } from '../definition/position.js'
import { type Details, reasonOf } from './base.js'
import { SinkError } from './families.js'

/** Which sink of which task. Of several that share a ledger, the ids with commas between. */
export interface SinkAt extends Details {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly sink: string
}

/** `sink files of flights/main/3` */
function named(at: SinkAt): string {
  return `sink ${at.sink} of ${at.pipeline}/${at.stage}/${at.partition}`
}

export interface SinkFailure extends SinkAt {
  /** What it writes to: `directory out/x`. Never a secret. */
  readonly target: string
  /** What could not be done, as in "could not commit". */
  readonly doing: string
  /** Why, where the cause's own message isn't the right one. */
  readonly reason?: string
}

function failed(details: SinkFailure, cause: unknown): string {
  const reason = details.reason ?? (cause === undefined ? 'no reason given' : reasonOf(cause))
  return `${named(details)} could not ${details.doing} (${details.target}): ${reason}`
}

/** Connection, time-out, disk full. What was being committed may be durable or not: the receipt decides. */
export class SinkUnavailable extends SinkError<SinkFailure> {
  constructor(details: SinkFailure, cause?: unknown) {
    super('SinkUnavailable', failed(details, cause), details, cause)
  }
}

/** Authentication, access rights, a target that isn't there. */
export class SinkUnauthorized extends SinkError<SinkFailure> {
  constructor(details: SinkFailure, cause?: unknown) {
    super('SinkUnauthorized', failed(details, cause), details, cause)
  }
}

export interface SinkBehindDetails extends SinkAt {
  /** Commit sequence that the checkpoint includes. */
  readonly checkpointSeq: number
  /** What the ledger has. */
  readonly ledgerSeq: number
  /** Where the ledger stands, for a start from there. */
  readonly positions: Positions
}

/** The ledger is below the receipt in the checkpoint: the sink lost committed data (PROTOCOL §2.4). */
export class SinkBehind extends SinkError<SinkBehindDetails> {
  constructor(details: SinkBehindDetails, cause?: unknown) {
    const { checkpointSeq, ledgerSeq, positions } = details
    super(
      'SinkBehind',
      `${named(details)} has lost committed data: its ledger stands at commit ${ledgerSeq} (${text(positions)}), the checkpoint includes commit ${checkpointSeq}`,
      details,
      cause,
    )
  }
}

export interface DigestMismatch extends SinkAt {
  readonly epoch: number
  /** Where the digests were compared. */
  readonly positions: Positions
  /** Of the ledger's receipt. */
  readonly expected: string
  /** Of the muted run. */
  readonly found: string
}

/** Outputs of `[C, P)` came out different when they were made again. */
export class NonDeterministicStep extends SinkError<DigestMismatch> {
  constructor(details: DigestMismatch, cause?: unknown) {
    super(
      'NonDeterministicStep',
      `${named(details)}: the outputs of epoch ${details.epoch} below ${text(details.positions)} came out different when they were made again (digest ${short(details.found)}, committed ${short(details.expected)}): a step depends on clock, random or I/O`,
      details,
      cause,
    )
  }
}

export interface CodeChangedDetails extends DigestMismatch {
  /** Fingerprint of the code that committed. */
  readonly receiptFingerprint: string
  /** Fingerprint of the code that runs. */
  readonly fingerprint: string
}

/** As NonDeterministicStep, but other code made the committed outputs (PROTOCOL §3.5). */
export class CodeChanged extends SinkError<CodeChangedDetails> {
  constructor(details: CodeChangedDetails, cause?: unknown) {
    super(
      'CodeChanged',
      `${named(details)}: the code was changed within epoch ${details.epoch} and makes other outputs below ${text(details.positions)} than those committed (fingerprint ${short(details.fingerprint)}, committed under ${short(details.receiptFingerprint)})`,
      details,
      cause,
    )
  }
}

export interface LedgerAheadDetails extends SinkAt {
  /** Epoch and its time in the ledger's receipt. */
  readonly ledgerEpoch: number | null
  readonly ledgerTime: number | null
  readonly ledgerGeneration: number
  /** The last recorded epoch, and the scheduled one's time if there is one. */
  readonly epoch: number
  readonly scheduledTime: number | null
  readonly generation: number
}

/** The ledger belongs to epochs that history doesn't have: it was reset or lost. */
export class LedgerAhead extends SinkError<LedgerAheadDetails> {
  constructor(details: LedgerAheadDetails, cause?: unknown) {
    const { ledgerEpoch, ledgerGeneration, epoch, generation } = details
    super(
      'LedgerAhead',
      `${named(details)}: its ledger is at epoch ${ledgerEpoch ?? 'none'} of generation ${ledgerGeneration}, which history (epoch ${epoch} of generation ${generation}) does not know: history was reset or lost`,
      details,
      cause,
    )
  }
}

export interface ReceiptLostDetails extends SinkAt {
  /** Commit sequence that history knows. */
  readonly checkpointSeq: number
}

/** The ledger had a receipt, and has none. */
export class ReceiptLost extends SinkError<ReceiptLostDetails> {
  constructor(details: ReceiptLostDetails, cause?: unknown) {
    super(
      'ReceiptLost',
      `${named(details)}: its ledger is empty, though history knows of commit ${details.checkpointSeq}`,
      details,
      cause,
    )
  }
}

export interface ForeignReceiptDetails extends SinkAt {
  readonly target: string
  /** What lies there, as a phrase: `another pipeline's ledger (…)`. */
  readonly found: string
}

/** Something that this pipeline did not write lies where its receipt belongs. */
export class ForeignReceipt extends SinkError<ForeignReceiptDetails> {
  constructor(details: ForeignReceiptDetails, cause?: unknown) {
    super('ForeignReceipt', `${named(details)} found in ${details.target}: ${details.found}`, details, cause)
  }
}

function text(positions: Positions): string {
  const parts = Object.entries(positions).map(([source, position]) => `${source} ${position}`)
  return parts.length === 0 ? 'no position' : parts.join(', ')
}

const short = (hash: string): string => (hash === '' ? 'none' : hash.slice(0, 12))
