import type { EpochMs } from '../units.js'
import type { Fault } from './fault.js'
import type { Headers } from './headers.js'
import type { Channel, ChannelSpec } from './channel.js'
import type { ComparePositions, Position } from './position.js'
import type { Unkeyed } from './marks.js'

/** Where a fresh pipeline begins to read. `offsets` are decimal strings by partition number. */
export type StartAt =
  | 'earliest'
  | 'latest'
  | { readonly timestamp: Date | EpochMs }
  | { readonly offsets: Readonly<Record<number, string>> }

/** What every call of a source is told. */
export interface SourceContext {
  readonly pipeline: string
  /** The source's id in the pipeline's `sources`. */
  readonly source: string
  /** Temporal's, as part of names that other namespaces must not share. */
  readonly namespace?: string
  /** Of what lies between two stages: which one, where it isn't the first. Part of its name. */
  readonly channel?: string
  readonly signal: AbortSignal
  /** The worker's connection settings of that kind and name, e.g. `('kafka', 'default')`. Throws `InvalidCommand` if there are none. */
  readonly connection: (kind: string, name: string) => unknown
}

export interface BoundsContext extends SourceContext {
  readonly partition: number
  /** Overrides the source's own start option; undefined: that option holds. */
  readonly startAt?: StartAt
}

/** Where a partition begins and ends now. */
export interface Bounds {
  /** The first position to read, as the start option came to it. */
  readonly start: Position
  /** The end of what may be read now (Kafka: the last stable offset): the `until` of a bounded run. */
  readonly end: Position
  /** Changes when the source was deleted and made anew (Kafka: the topic id). */
  readonly identity?: string
}

export interface OpenContext extends SourceContext {
  readonly partition: number
  readonly position: Position
  /** Below this position nothing may be skipped, whatever the source's data-loss policy: it is being re-executed. */
  readonly strictUntil?: Position
}

/** Limits of one poll: records, bytes of their values, and milliseconds to wait for the first of them. */
export interface PollLimits {
  readonly maxRecords: number
  readonly maxBytes: number
  readonly maxWaitMs: number
  readonly signal: AbortSignal
}

/** The task of an earlier stage that has written a record. */
export interface Sender {
  readonly partition: number
  /** No value with an earlier or equal time was expected any more where it was written. */
  readonly watermark: EpochMs
}

export interface SourceRecord<Raw> {
  readonly position: Position
  /** The position to read after this record. */
  readonly next: Position
  readonly key: Uint8Array | null
  readonly value: Raw
  readonly timestamp?: EpochMs
  readonly headers?: Headers
  /** Of what another stage has written, once event time has come to something there. */
  readonly sender?: Sender | undefined
}

/** `next` counts even without records (compaction gaps, aborted transactions). `done`: a bounded source has ended. */
export interface SourceBatch<Raw> {
  readonly records: readonly SourceRecord<Raw>[]
  readonly next: Position
  /** Records left behind `next`, as far as the source knows. */
  readonly lag?: number
  /** Bytes this batch holds in memory, for the prefetch limit. Default: a guess by record count. */
  readonly bytes?: number
  /** Records lost and skipped by the source's own data-loss policy, as ranges of positions. Shown in status. */
  readonly skipped?: { readonly from: Position; readonly to: Position }
  readonly done?: boolean
}

export interface SourceReader<Raw> {
  /** Changes when the source was deleted and made anew (Kafka: the topic id). */
  readonly identity?: string
  /**
   * Records from where the last poll ended. Never called again before the previous call has settled, but called while
   * earlier records are processed (prefetch). Returns within `maxWaitMs`, with no records if there are none. At least
   * one record even if it exceeds `maxBytes`. Rejects when `signal` aborts. After a rejection the reader is only closed:
   * a retryable one is retried on a fresh reader, and nothing is assumed about the failed poll.
   */
  poll(limits: PollLimits): Promise<SourceBatch<Raw>>
  /** The checkpoint at `position` is in history. A hint, at least once, possibly from an older session. Failure is logged only. */
  checkpointed?(position: Position): Promise<void>
  /** Exactly once, also after errors. */
  close(): Promise<void>
}

export interface SourceDefinition<Raw, T, K> {
  /** Shown in status and errors: 'kafka', 'tickets'. */
  readonly kind: string
  /**
   * True: from any position since the oldest kept checkpoint the same records come again in the same order. False makes
   * the pipeline at-least-once, and status says so.
   */
  readonly replayable: boolean
  /** What this source reads, for plan and status: `topic flights`. */
  readonly describe?: string
  /** What is wrong with the options it was made from; `definePipeline` reports them under `sources.<id>.`. */
  readonly faults?: readonly Fault[]
  /**
   * How many partitions there are, numbered from 0. Called by discovery (default every 30 s) on any worker. May grow;
   * if it shrinks, discovery fails with PartitionsLost.
   */
  partitions(ctx: SourceContext): Promise<number>
  /** Start and end of one partition now. Called once per partition before the first claim; its answer is kept in history. */
  bounds(ctx: BoundsContext): Promise<Bounds>
  /** Called once per session and partition, before the first poll. Throw for a position that no longer exists; never move it silently. */
  open(ctx: OpenContext): Promise<SourceReader<Raw>>
  /** Raw to value, once per record, in order. A throw makes this record bad (`onError`), nothing else. Must be a pure function of the record. */
  readonly decode: (record: SourceRecord<Raw>) => T | Promise<T>
  /** Present: streams are keyed, and the source promises that equal keys share a partition. */
  readonly key?: (record: SourceRecord<Raw>) => K
  /** Which of so many partitions a key's bytes belong to, as its producers have it. Absent: `keyBy` takes their word. */
  readonly partitionOf?: (key: Uint8Array, partitions: number) => number
  /**
   * True: Tidemark writes and reads it itself. A fresh start begins behind what it holds, any other start where it was or
   * at its earliest, whatever `from` says.
   */
  readonly internal?: boolean
  /** How many tasks write it. Present: its records say how far event time had come, in `sender`. */
  readonly senders?: (ctx: SourceContext) => Promise<number>
  /** What carries values to the next stage where `repartition` ends one that reads this source. Absent: it can't. */
  readonly channel?: (spec: ChannelSpec) => Channel
  /** Total order of positions. Default: as decimal integers. */
  readonly compare?: ComparePositions
}

/** Any source, whatever it reads. */
export interface AnySource {
  readonly kind: string
  readonly '~source': unknown
}

/** A source of values `T`, keyed by `K` where its equal keys share a partition. */
export interface Source<T, K = Unkeyed> extends AnySource {
  readonly '~source': { readonly value: T; readonly key: K }
}
