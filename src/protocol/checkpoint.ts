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

/** Keyed state as history has it, opaque to workflows: segments in the order in which they were made. */
export interface StateMark {
  /** Together they are the state: what is in a later one holds. */
  readonly segments: readonly Segment[]
  /** Of each step that keeps state. */
  readonly versions: Readonly<Record<string, number>>
}

/** Some entries of a state, compressed: in history itself (base64), or in the state backend, which never changes it. */
export type Segment = { readonly data: string } | { readonly key: string; readonly bytes: number }

/** How an epoch changes it. */
export interface StateChange {
  readonly add: readonly Segment[]
  /** So many of the oldest are needed no more. */
  readonly drop: number
  readonly versions: StateMark['versions']
}

/** An epoch's recorded result: everything below `positions` is done, in every ledger as its mark says (PROTOCOL §1). */
export interface Checkpoint {
  /** The epoch it ended, 0 at a generation's start. */
  readonly epoch: number
  /** Next positions to read, by source. */
  readonly positions: Positions
  readonly ledgers: LedgerMarks
  /** Identities of the sources (Kafka: topic ids), where they have one. */
  readonly identities: Readonly<Record<string, string>>
  /** What the steps knew when everything below `positions` had been through them. Absent: nothing. */
  readonly state?: StateMark
  /** How far event time had come; absent before any. */
  readonly watermark?: EpochMs
  /** Fingerprint of the plan that made it, its first digits: see `fingerprintOf`. Absent in checkpoints of older versions. */
  readonly plan?: string
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
  /** Values that came too late for a window or a join, whether its `late` takes them or not: once per step. Absent: none. */
  readonly late?: number
}

export const noCounters: Counters = { read: 0, written: 0, skipped: 0, deadLettered: 0 }

export function counted(a: Counters, b: Partial<Counters>): Counters {
  const late = (a.late ?? 0) + (b.late ?? 0)
  return {
    read: a.read + (b.read ?? 0),
    written: a.written + (b.written ?? 0),
    skipped: a.skipped + (b.skipped ?? 0),
    deadLettered: a.deadLettered + (b.deadLettered ?? 0),
    ...(late > 0 && { late }),
  }
}
