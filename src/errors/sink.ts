import { reasonOf } from './base.js'
import { SinkError } from './families.js'
import type { Owner } from '../definition/sink.js'
import type { Positions } from '../definition/position.js'

/** Which ledger of which task. `ledger` is the id of its sink, or the scope that several sinks share. */
export interface LedgerDetails {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly ledger: string
  readonly [more: string]: unknown
}

const ledgerOf = (d: LedgerDetails): string => `sink '${d.ledger}' of ${d.pipeline}/${d.stage}/${d.partition}`

/** Connection lost, serialisation failure, disk full: the outcome of what was under way is unknown, the receipt decides. */
export class SinkUnavailable extends SinkError<LedgerDetails> {
  constructor(details: LedgerDetails & { readonly doing: string }, cause: unknown) {
    super('SinkUnavailable', `${ledgerOf(details)} failed to ${details.doing}: ${reasonOf(cause)}`, details, cause)
  }
}

/** Authentication, permission, or a target that isn't there. */
export class SinkUnauthorized extends SinkError<LedgerDetails> {
  constructor(details: LedgerDetails & { readonly doing: string }, cause: unknown) {
    super('SinkUnauthorized', `${ledgerOf(details)} may not ${details.doing}: ${reasonOf(cause)}`, details, cause)
  }
}

/** The ledger is older than the receipt in the checkpoint: the sink has lost committed data. */
export class SinkBehind extends SinkError<LedgerDetails> {
  constructor(details: LedgerDetails & { readonly checkpoint: string; readonly receipt: string }) {
    super(
      'SinkBehind',
      `${ledgerOf(details)} has lost committed data: its ledger stands at commit ${details.receipt}, the checkpoint includes commit ${details.checkpoint}`,
      details,
    )
  }
}

interface Recomputed extends LedgerDetails {
  readonly epoch: number
  readonly positions: Positions
  readonly expected: string
  readonly computed: string
  readonly step: string | null
}

const recomputed = (d: Recomputed): string =>
  `re-executing epoch ${d.epoch} up to ${JSON.stringify(d.positions)} gave other outputs than those in the ledger of ${ledgerOf(d)}`

/** The same code gave other outputs for the same records. */
export class NonDeterministicStep extends SinkError<Recomputed> {
  constructor(details: Recomputed) {
    const step = details.step === null ? 'a step' : `step '${details.step}'`
    super('NonDeterministicStep', `${recomputed(details)}: ${step} depends on more than its records`, details)
  }
}

/** The code was changed within an unfinished epoch, and its outputs differ. */
export class CodeChanged extends SinkError<Recomputed> {
  constructor(details: Recomputed) {
    super('CodeChanged', `${recomputed(details)}: the code was changed in between`, details)
  }
}

/** The ledger belongs to epochs that history no longer has, or to a newer start. */
export class LedgerAhead extends SinkError<LedgerDetails> {
  constructor(
    details: LedgerDetails & { readonly epoch: number; readonly ledgerEpoch: number | null; readonly ledgerOwner: Owner },
  ) {
    super(
      'LedgerAhead',
      `the ledger of ${ledgerOf(details)} is ahead of history: it holds epoch ${details.ledgerEpoch ?? 'none'} of generation ${details.ledgerOwner.generation}, incarnation ${details.ledgerOwner.incarnation}, while history ends at epoch ${details.epoch}: history was reset or lost`,
      details,
    )
  }
}

/** History knows a receipt and the ledger has none. */
export class ReceiptLost extends SinkError<LedgerDetails> {
  constructor(details: LedgerDetails & { readonly seq: number; readonly epoch: number }) {
    super(
      'ReceiptLost',
      `the ledger of ${ledgerOf(details)} is empty, but history knows its commit ${details.seq} (checkpoint of epoch ${details.epoch})`,
      details,
    )
  }
}

/** Something else wrote where the ledger is, or the ledger is not the one history knows. */
export class ForeignReceipt extends SinkError<LedgerDetails> {
  constructor(details: LedgerDetails & { readonly expected: string; readonly found: string }, cause?: unknown) {
    super(
      'ForeignReceipt',
      `the ledger of ${ledgerOf(details)} is not the one history knows: expected ${details.expected}, found ${details.found}`,
      details,
      cause,
    )
  }
}

