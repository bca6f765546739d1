/**
 * The recovery rule of docs/recovery-protocol.md §§2–3, as far as it is a decision: who may open a ledger, what its fence receipt says,
 * whether ledger and checkpoint belong together, and where muted re-execution ends. It knows no sink, no source and no
 * Temporal; `Ledger` and `Session` carry out what it decides.
 */
import type { Positions } from '../definition/position.js'
import type { Owner, Receipt } from '../definition/sink.js'
import {
  CodeChanged,
  ForeignReceipt,
  LedgerAhead,
  NonDeterministicStep,
  ReceiptLost,
  SinkBehind,
} from '../errors/sink.js'
import { GenerationFenced } from '../errors/ownership.js'
import type { Checkpoint, ScheduledEpoch } from '../protocol/checkpoint.js'
import { EMPTY_DIGEST } from './digest.js'
import { compareOwners } from './owner.js'
import { compareVectors, type Order } from './vectors.js'

/** What a claimant knows when it opens a task's ledgers. */
export interface Claim {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly owner: Owner
  /** Where the generation begins. */
  readonly origin: Positions
  readonly checkpoint: Checkpoint
  readonly scheduled: ScheduledEpoch | null
  /** Of the code that claims. */
  readonly fingerprint: string
  /** The run is a reset one: its history ends before things that happened. */
  readonly isReset: boolean
  /** State that no step of the plan takes is let go. */
  readonly allowNonRestoredState?: true
  /** Which topics lie between the stages: see `PipelinePlan`. */
  readonly channel?: string
}

/**
 * PROTOCOL §2.2–2.4: the fence receipt to commit over `found`, or the error that says why this claimant may not. A ledger
 * that is behind is left as it is: it may have been read from a server that doesn't know everything yet.
 */
export function fenceReceipt(ledger: string, found: Receipt | null, claim: Claim, place?: string): Receipt {
  if (found === null) {
    requirePlace(ledger, place, claim)
    return firstReceipt(ledger, claim)
  }
  const order = compareOwners(found.owner, claim.owner)
  if (order > 0 || (order === 0 && found.owner.runId !== claim.owner.runId)) {
    throw new GenerationFenced({ ...at(claim, ledger), owner: claim.owner, ledgerOwner: found.owner })
  }
  requirePlace(ledger, place, claim)
  requireNotBehind(ledger, found, claim)
  if (found.owner.generation < claim.owner.generation) return genesis(claim, found.seq + 1, claim.origin)
  return { ...found, seq: found.seq + 1, owner: claim.owner }
}

/** PROTOCOL §2.4, no receipt: a new ledger, or one that history knows and that has lost everything. */
function firstReceipt(ledger: string, claim: Claim): Receipt {
  const { checkpoint } = claim
  const mark = checkpoint.ledgers[ledger]
  // History learns of a ledger at its first claim, before any epoch: unknown to it means that nothing was ever committed.
  if (mark === undefined && !claim.isReset) return genesis(claim, 1, checkpoint.positions)
  if (mark === undefined || claim.scheduled !== null || claim.isReset) {
    throw new ReceiptLost({ ...at(claim, ledger), checkpointSeq: mark?.seq ?? 0 })
  }
  return { ...genesis(claim, mark.seq + 1, checkpoint.positions), digest: mark.digest }
}

function genesis(claim: Claim, seq: number, positions: Positions): Receipt {
  return {
    version: 1,
    seq,
    owner: claim.owner,
    epoch: null,
    time: null,
    positions,
    digest: EMPTY_DIGEST,
    timersEpoch: null,
    fingerprint: claim.fingerprint,
    rejections: [],
  }
}

/** PROTOCOL §2.4: throws unless what the ledger held belongs to this very history. */
export function judgeReceipt(ledger: string, found: Receipt | null, place: string | undefined, claim: Claim): void {
  const { checkpoint, scheduled } = claim
  const mark = checkpoint.ledgers[ledger]
  requirePlace(ledger, place, claim)
  if (found === null) return
  requireNotBehind(ledger, found, claim)
  if (found.owner.generation < claim.owner.generation) return
  if (found.epoch === null || found.epoch <= checkpoint.epoch) {
    // Since the checkpoint there can only be fence receipts, which copy the digest.
    if (mark === undefined || found.digest === mark.digest) return
    const what = `outputs with digest ${found.digest} where the checkpoint has ${mark.digest}`
    throw new ForeignReceipt({ ...at(claim, ledger), target: place ?? 'its ledger', found: what })
  }
  if (scheduled === null || found.epoch !== scheduled.epoch || found.time !== scheduled.time) {
    throw new LedgerAhead({
      ...at(claim, ledger),
      ledgerEpoch: found.epoch,
      ledgerTime: found.time,
      ledgerGeneration: found.owner.generation,
      epoch: checkpoint.epoch,
      scheduledTime: scheduled?.time ?? null,
      generation: claim.owner.generation,
    })
  }
}

function requirePlace(ledger: string, place: string | undefined, claim: Claim): void {
  const known = claim.checkpoint.ledgers[ledger]?.place
  if (known === undefined || place === undefined || known === place) return
  const found = `another place than the one history knows (${known}): do all workers share it?`
  throw new ForeignReceipt({ ...at(claim, ledger), target: place, found })
}

function requireNotBehind(ledger: string, found: Receipt, claim: Claim): void {
  const mark = claim.checkpoint.ledgers[ledger]
  if (mark === undefined) return
  if (found.owner.generation === claim.owner.generation && found.seq >= mark.seq) return
  const { positions, seq } = found
  throw new SinkBehind({ ...at(claim, ledger), checkpointSeq: mark.seq, ledgerSeq: seq, positions })
}

/** How far one ledger is ahead of the checkpoint, and the digest its outputs must have had by then. */
export interface Ahead {
  readonly positions: Positions
  readonly digest: string
  readonly fingerprint: string
  /** What sinks have refused since the checkpoint: obeyed when it is offered again (PROTOCOL §5). */
  readonly rejections: Receipt['rejections']
  /** What was due at the epoch's start is in it. */
  readonly timers: boolean
  /** What waited for event time at the end of a bounded run is in it. */
  readonly ended: boolean
  /** Where results of calls up to there lie, if there were any. */
  readonly answers?: string
}

/** What is re-executed muted for `ledger`: null where it stands at the checkpoint (PROTOCOL §3.1–3.2). */
export function aheadOf(found: Receipt | null, claim: Claim): Ahead | null {
  if (found === null || claim.scheduled === null) return null
  if (found.owner.generation !== claim.owner.generation || found.epoch !== claim.scheduled.epoch) return null
  const { positions, digest, fingerprint, rejections, timersEpoch, ended = false, answers } = found
  const ahead = { positions, digest, fingerprint, rejections, timers: timersEpoch === found.epoch, ended }
  return answers === undefined ? ahead : { ...ahead, answers }
}

/** P*: the furthest position of any ledger, or null where none is ahead of the checkpoint. */
export function furthestOf(ahead: readonly (Ahead | null)[], checkpoint: Positions, order: Order): Positions | null {
  let furthest = checkpoint
  for (const one of ahead) {
    if (one !== null && compareVectors(one.positions, furthest, order) > 0) furthest = one.positions
  }
  return furthest === checkpoint ? null : furthest
}

/**
 * PROTOCOL §6: where to go on without executing anything again; null: what is ahead of the checkpoint is executed again.
 * Behind a step that isn't deterministic it can't be, unless what its calls came to is kept, and then there is one ledger only.
 */
export function adoptedPosition(deterministic: boolean, furthest: Positions | null): Positions | null {
  return deterministic ? null : furthest
}

/** PROTOCOL §3.2 and §3.5: at P(l) the digest of what was re-executed must be the receipt's. */
export function judgeDigest(ledger: string, found: string, ahead: Ahead, claim: Claim): void {
  if (found === ahead.digest) return
  const details = {
    ...at(claim, ledger),
    epoch: claim.scheduled?.epoch ?? claim.checkpoint.epoch,
    positions: ahead.positions,
    expected: ahead.digest,
    found,
  }
  if (ahead.fingerprint === claim.fingerprint) throw new NonDeterministicStep(details)
  throw new CodeChanged({ ...details, receiptFingerprint: ahead.fingerprint, fingerprint: claim.fingerprint })
}

function at(claim: Claim, ledger: string): { pipeline: string; stage: string; partition: number; sink: string } {
  return { pipeline: claim.pipeline, stage: claim.stage, partition: claim.partition, sink: ledger }
}
