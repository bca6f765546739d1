import type { EpochMs } from '../units.js'
import type { Positions } from '../definition/position.js'

/** What a checkpoint remembers of one ledger: the receipt it includes. */
export interface LedgerMark {
  readonly seq: number
  /** Chained over all outputs offered since the generation's start; hexadecimal. */
  readonly digest: string
  /** The very place the ledger lies in, where the sink can name it. */
  readonly place?: string
}

export type LedgerMarks = Readonly<Record<string, LedgerMark>>

/** An epoch's recorded result: everything below `positions` is done, in every ledger as its mark says (PROTOCOL §1). */
export interface Checkpoint {
  /** The epoch it ended, 0 at a generation's start. */
  readonly epoch: number
  /** Next positions to read, by source. */
  readonly positions: Positions
  readonly ledgers: LedgerMarks
  /** Identities of the sources (Kafka: topic ids), where they have one. */
  readonly identities: Readonly<Record<string, string>>
}

/** An epoch that workflow history has scheduled and not recorded. Drawn once, the same on every attempt. */
export interface ScheduledEpoch {
  readonly epoch: number
  /** The epoch's fixed time: `ctx.now`. */
  readonly time: EpochMs
  /** Seeds `ctx.random`. */
  readonly seed: string
}

/** Why a task stands still. */
export interface Problem {
  readonly code: string
  readonly message: string
  /** What to do next. */
  readonly next: string
  /** Stage, partition, position, step …: as far as known. */
  readonly details: Readonly<Record<string, unknown>>
  readonly at: EpochMs
}

/** What went through, since the pipeline's first start in this generation. */
export interface Counters {
  readonly read: number
  readonly written: number
  readonly skipped: number
  readonly deadLettered: number
}

export const noCounters: Counters = { read: 0, written: 0, skipped: 0, deadLettered: 0 }
