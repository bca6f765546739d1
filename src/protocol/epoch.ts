import type { Positions } from '../definition/position.js'
import type { Owner } from '../definition/sink.js'
import {
  type Checkpoint,
  counted,
  type Counters,
  type LedgerMarks,
  type Problem,
  type ScheduledEpoch,
  type StateChange,
  type StateMark,
} from './checkpoint.js'
import type { SessionRef, TaskState } from './task.js'

/** Input of `tidemark.claim`. */
export interface ClaimInput {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly owner: Owner
  readonly origin: Positions
  readonly checkpoint: Checkpoint
  readonly scheduled: ScheduledEpoch | null
  readonly acceptCodeChange: boolean
  /** State that no step of the plan takes is let go. */
  readonly allowNonRestoredState?: true
  /** The run is a reset one: its history ends before things that happened. */
  readonly isReset: boolean
  /** See `PipelinePlan`. */
  readonly channel?: string
  /** Milliseconds without a heartbeat after which the claim counts as lost. */
  readonly heartbeatMs: number
}

/** Which session, for `tidemark.interrupt` and `tidemark.release`. */
export interface SessionInput {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly owner: Owner
  /** The epoch to end early, begun or not. */
  readonly epoch: number
}

/** Result of `tidemark.claim`. */
export interface ClaimResult extends SessionRef {
  /** What each ledger holds after the fence receipts: seq, digest and place. */
  readonly ledgers: LedgerMarks
  readonly identities: Readonly<Record<string, string>>
}

/** Input of `tidemark.runEpoch`. */
export interface EpochInput {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly owner: Owner
  readonly epoch: number
  readonly time: number
  readonly seed: string
  readonly positions: Positions
  readonly until: Positions | null
  /** See `TaskState`. */
  readonly stops?: true
  /** Up to `positions`: tells whoever reads history how far the task is, without reading all of it. */
  readonly counters: Counters
  readonly checkpointMs: number
  readonly idleMs: number
  readonly heartbeatMs: number
}

/** Why an epoch ended where it did. */
export type EpochEnd =
  /** Its time was up. */
  | 'interval'
  /** No record came, or the first came when the epoch's time was old. */
  | 'idle'
  /** It had caught up with the furthest ledger. */
  | 'caught-up'
  /** A command wants the task between two epochs. */
  | 'interrupted'
  /** The worker goes away: claim elsewhere. */
  | 'released'
  /** The bounded run, or the bounded source, is at its end. */
  | 'until'
  /** A drain that goes stage by stage: it has read all that the stage before has written. */
  | 'drained'
  /** A bad record under `onError: 'fail'`; `problem` says which. */
  | 'problem'
  /** The pipeline's run is gone. */
  | 'orphaned'

/** Result of `tidemark.runEpoch`: the checkpoint. Never a record's data. */
export interface EpochResult {
  readonly epoch: number
  readonly positions: Positions
  /** Ledgers that have committed since the last checkpoint; the others stand as they were. */
  readonly ledgers: LedgerMarks
  readonly read: number
  readonly written: number
  readonly skipped?: number
  readonly deadLettered?: number
  /** See `Counters`. */
  readonly late?: number
  readonly lag: number | null
  readonly commits: number
  readonly ended: EpochEnd
  /** What waits for the end of a bounded run has happened, though it ended as caught up: that end was an earlier start's. */
  readonly closed?: true
  /** Present where state has changed. */
  readonly state?: StateChange
  readonly watermark?: number
  /** See `Checkpoint`. */
  readonly plan?: string
  readonly problem?: Problem
  /** What the source runs into, where it is tried again by itself. */
  readonly trouble?: Problem
  /** The longest that one step blocked the worker, where it was long. */
  readonly blocked?: { readonly step: string; readonly ms: number }
}

/** The owner a task state stands for (PROTOCOL §1). */
export function ownerOf(state: TaskState, runId: string): Owner {
  return { generation: state.generation, incarnation: state.incarnation, claim: state.claim, runId }
}

/**
 * The state after an epoch's result is in history. The one way to get there: workflows use it as they run, and a start
 * that reads an old run's history uses it again.
 */
export function recordEpoch(state: TaskState, result: EpochResult): TaskState {
  // With its first checkpoint, state that was let go is gone.
  const { allowNonRestoredState: _, ...kept } = state
  const { checkpoint, counters } = state
  return {
    ...kept,
    checkpoint: {
      ...checkpoint,
      epoch: result.epoch,
      positions: { ...checkpoint.positions, ...result.positions },
      ledgers: withPlaces(checkpoint.ledgers, result.ledgers),
      ...(result.state !== undefined && { state: changed(checkpoint.state, result.state) }),
      ...(result.watermark !== undefined && { watermark: result.watermark }),
      ...(result.plan !== undefined && { plan: result.plan }),
    },
    scheduled: null,
    counters: counted(counters, result),
    lag: result.lag,
    session: result.ended === 'released' || state.session === null ? null : { ...state.session, furthest: null },
    trouble: result.trouble ?? null,
    fencedByOthers: 0,
    blocked: blockedAfter(state, result),
    acceptCodeChange: false,
  }
}

function changed(state: StateMark | undefined, { add, drop, versions }: StateChange): StateMark {
  return { segments: [...(state?.segments ?? []).slice(drop), ...add], versions }
}

/** A block that hasn't come again for so many epochs was a chance. */
const BLOCK_FORGOTTEN_AFTER = 50

function blockedAfter({ blocked }: TaskState, { blocked: now, epoch }: EpochResult): TaskState['blocked'] {
  if (now !== undefined && (blocked === null || now.ms >= blocked.ms)) return { ...now, epoch }
  return blocked !== null && epoch - blocked.epoch < BLOCK_FORGOTTEN_AFTER ? blocked : null
}

/** The state after a claim is in history. */
export function recordClaim(state: TaskState, result: ClaimResult): TaskState {
  const places: Record<string, { seq: number; digest: string; place?: string }> = { ...state.checkpoint.ledgers }
  for (const [id, found] of Object.entries(result.ledgers)) {
    const known = state.checkpoint.ledgers[id]
    // The mark stays the checkpoint's; only the place is learnt. A ledger new to history begins with its fence receipt.
    places[id] = known === undefined ? found : found.place === undefined ? known : { ...known, place: found.place }
  }
  return {
    ...state,
    checkpoint: {
      ...state.checkpoint,
      ledgers: places,
      identities: { ...state.checkpoint.identities, ...result.identities },
    },
    session: {
      queue: result.queue,
      worker: result.worker,
      furthest: result.furthest,
      ...(result.steps !== undefined && { steps: result.steps }),
      ...(result.guarded !== undefined && { guarded: result.guarded }),
    },
  }
}

function withPlaces(known: LedgerMarks, committed: LedgerMarks): LedgerMarks {
  const marks: Record<string, { seq: number; digest: string; place?: string }> = { ...known }
  for (const [id, mark] of Object.entries(committed)) marks[id] = { ...marks[id], ...mark }
  return marks
}
