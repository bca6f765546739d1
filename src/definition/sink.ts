import type { EpochMs } from '../units.js'
import type { Fault } from './fault.js'
import type { Headers } from './headers.js'
import type { Positions } from './position.js'

/** Where a record came from: the source's id, its partition number, and the record's own position. */
export interface Origin {
  readonly source: string
  readonly partition: number
  readonly position: string
}

/** One value on its way to a sink, with what it inherited from its record. */
export interface Output<out T> {
  readonly value: T
  readonly key: Uint8Array | null
  readonly timestamp: EpochMs
  readonly headers: Headers
  /** The epoch's time. Absent where there is no epoch: in tests of a sink. */
  readonly now?: EpochMs
  /** On the way to another stage: how far event time has come. */
  readonly watermark?: EpochMs | undefined
  readonly origin: Origin
  /** `pipeline/stage/topic-partition-position-index`; see `Item.id`. */
  readonly id: string
}

/**
 * What a sink writes. `id` is pipeline/stage/source-partition-position-index: the same on every attempt. It is what
 * targets dedupe by: never change its format.
 */
export interface Item<out W> {
  readonly id: string
  readonly sink: string
  readonly data: W
}

/** Who holds a task. Ordered by (generation, incarnation, claim); `runId` tells two of the same number apart (PROTOCOL §1). */
export interface Owner {
  readonly generation: number
  readonly incarnation: number
  readonly claim: number
  /** Run id of the workflow run that claimed, carried through continue-as-new. */
  readonly runId: string
}

/**
 * What a ledger keeps beside the data of each commit. Store it as JSON (at most 4,096 characters) and give it back
 * unchanged; to the sink it is opaque but for `seq` and `owner`.
 */
export interface Receipt {
  readonly version: 1
  /** Number of this commit in its ledger, from 1, gapless; fence receipts count. */
  readonly seq: number
  readonly owner: Owner
  /** The epoch that committed, and that epoch's fixed time; null in a generation's first fence receipt. */
  readonly epoch: number | null
  readonly time: EpochMs | null
  /** Outputs of everything below are durable. */
  readonly positions: Positions
  /** Chained over all outputs offered to this ledger since the generation's start. */
  readonly digest: string
  /** The epoch whose start-of-epoch timers are in; null before the first. */
  readonly timersEpoch: number | null
  /** Present: outputs of the end of a bounded run are in it, those that waited for event time. */
  readonly ended?: true
  /** What calls of the epoch came to, of all records below `positions`: the newest segment in the state backend (PROTOCOL §6). */
  readonly answers?: string
  /** Of plan and build: see PROTOCOL §3.5. */
  readonly fingerprint: string
  /** Items the sink refused since the checkpoint: [sink, item id]. */
  readonly rejections: readonly (readonly [sink: string, itemId: string])[]
}

export interface SinkContext {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
  readonly owner: Owner
  /** `namespace/pipeline/stage/partition/scope`: names the ledger, never changes. */
  readonly ledgerKey: string
  /** Of what lies between two stages: which one, where it isn't the first. Part of its name. */
  readonly channel?: string
  /** Ids of the sinks that share this writer. */
  readonly sinks: readonly string[]
  readonly signal: AbortSignal
  /** The worker's connection settings of that kind and name. */
  readonly connection: (kind: string, name: string) => unknown
  /**
   * The recovery rule's say on opening (PROTOCOL §2): call it with the newest receipt found, null if there is none, and
   * commit what it returns. Compare-and-set ledgers call it again with each receipt a conflict shows.
   * `place`: the writer's, where it has one. Throws `GenerationFenced` where the found owner is newer, `ForeignReceipt` in
   * another place, `SinkBehind` and `ReceiptLost` where less is found than there had to be: then commit nothing.
   */
  fence(found: Receipt | null, place?: string): Receipt
  /**
   * Called in write or commit, which must then reject with what this throws: the item can never be accepted (constraint,
   * too large). The engine calls `abort`, does as `onError` says of the item's record, and writes the rest again.
   * `sink`: whose item, where several share this writer (ids are unique within a sink only).
   */
  reject(itemId: string, reason: string, sink?: string): never
}

export interface TransactionalWriter<W> {
  /** What the ledger held before this owner's fence receipt; null if nothing ever was committed. */
  readonly receipt: Receipt | null
  /**
   * Names the very place the ledger lies in (a directory id, a cluster id). A worker that finds another one than history
   * knows does not share the place with its predecessor.
   */
  readonly place?: string
  /** Several times per commit, never concurrently, in order. May send at once or buffer; invisible to readers until commit. */
  write(items: readonly Item<W>[]): Promise<void>
  /**
   * All items since the last commit and this receipt become durable and visible together, or none. Resolves only when
   * that is certain. Has to work with no items too (position alone moves). If it rejects, the outcome is *unknown*: the engine
   * never calls this writer again but `close()`, opens a new one, and its receipt decides. `GenerationFenced` if another
   * owner has taken over.
   */
  commit(receipt: Receipt): Promise<void>
  /** Drops all items since the last commit; they may be written again. */
  abort(): Promise<void>
  /** Exactly once, also after errors; commits nothing. */
  close(): Promise<void>
}

/** Items not named in `failed` are durable. */
export interface WriteResult {
  readonly failed: readonly { readonly id: string; readonly error: Error; readonly retryable: boolean }[]
}

export interface IdempotentWriter<W> {
  /**
   * Resolved: each item not in `failed` is durable. Rejected: all are assumed to have failed. Retryable ones come again
   * (same id, backoff), others are refused: `onError` decides. A checkpoint waits for all.
   */
  write(items: readonly Item<W>[], signal: AbortSignal): Promise<WriteResult>
  close(): Promise<void>
}

interface SinkBase<T, W> {
  readonly kind: string
  /** What this sink writes to, for plan and status: `directory out/flights`. */
  readonly describe?: string
  /**
   * Names what belongs to one sink alone: its directory, its table. Two sinks of a pipeline with one kind and place are a
   * fault of the definition, unless they have one `scope`. Default: none, and nothing is compared.
   */
  readonly place?: string
  /** What is wrong with the options it was made from; `definePipeline` reports them under `steps.<id>.`. */
  readonly faults?: readonly Fault[]
  /**
   * Output to what is written. Pure, deterministic, no I/O: also called for muted outputs, whose digest is compared with
   * the receipt's. A throw makes the record bad.
   */
  readonly encode: (output: Output<T>) => W
  /** The bytes of `W` that the chained digest runs over. Default: the bytes themselves, or those of a string or of its JSON. */
  readonly digest?: (data: W) => Uint8Array
  /**
   * Of a sink without a ledger: whether trying again can help after what its `write` rejected with. False parks the task.
   * Default: yes, but for errors of this library that say of themselves that it can't. Where there is a ledger, the task
   * claims again, unless what is thrown is such an error.
   */
  readonly isRetryable?: (error: unknown) => boolean
  /** True: a commit costs so much (a file, an object) that it is done with the checkpoint only, unless the pipeline sets a commit interval. */
  readonly commitsWithCheckpoint?: boolean
}

/** Kafka, Postgres, file, S3: outputs and receipt become durable together. Gives exactly-once. */
export interface TransactionalSink<T, W> extends SinkBase<T, W> {
  readonly mode: 'transactional'
  /**
   * Sinks of a stage with one scope share one writer and one transaction (all Kafka sinks of a cluster); `item.sink`
   * tells them apart. Default: a scope of its own, the sink's id.
   */
  readonly scope?: string
  /**
   * Milliseconds after which its target ends a transaction by itself, from the first write on. At least twice the commit
   * interval, else it is a fault of the definition. Default: it never does.
   */
  readonly transactionMs?: number
  /** True: it never calls `ctx.reject`. Then nothing is kept in memory that has been handed to `write`. Default false. */
  readonly neverRejects?: boolean
  /**
   * Called by `claim` only. Fences every older owner of `ctx.ledgerKey`, reads its receipt, commits what
   * `ctx.fence(receipt)` returns. After this resolves no older owner can commit.
   */
  open(ctx: SinkContext): Promise<TransactionalWriter<W>>
  /** The newest receipt without fencing anybody; null if there is none. Used where history is gone and by fresh starts. */
  inspect(ctx: Omit<SinkContext, 'fence' | 'reject' | 'owner'>): Promise<Receipt | null>
}

/** HTTP, Temporal workflows, most users' own: no ledger; written again after a failure, with the same ids. */
export interface IdempotentSink<T, W> extends SinkBase<T, W> {
  readonly mode: 'idempotent'
  /** True if the target keeps one effect per `item.id`: status then says "once per id"; false: "at-least-once". */
  readonly dedupes: boolean
  open(ctx: Omit<SinkContext, 'fence'>): Promise<IdempotentWriter<W>>
}

export type SinkDefinition<T, W> = TransactionalSink<T, W> | IdempotentSink<T, W>

export type Guarantee = 'exactly-once' | 'once-per-id' | 'at-least-once'

/** A sink for values `T`. */
export interface Sink<in T> {
  readonly kind: string
  readonly guarantee: Guarantee
  readonly '~sink': (value: T) => void
}
