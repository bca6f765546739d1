import type { Positions } from '../definition/position.js'
import type { Receipt, TransactionalWriter } from '../definition/sink.js'
import type { LedgerMark } from '../protocol/checkpoint.js'
import type { EpochMs } from '../units.js'
import { ChainedDigest } from './digest.js'
import { Outlet, type OutletSink } from './outlet.js'
import type { Ahead } from './recovery.js'

/** What the receipt of a commit says beside what the ledger knows itself. */
export interface CommitPoint {
  readonly epoch: number
  readonly time: EpochMs
  readonly positions: Positions
  readonly fingerprint: string
}

/** Outputs waiting for the writer are handed over at that size, so that a large epoch needs no large memory. */
const HAND_OVER_BYTES = 1024 * 1024

/** A transactional writer with its outputs, its place in the chain of commits, and how far it is ahead of the checkpoint. */
export class Ledger extends Outlet {
  readonly id: string
  /** The newest receipt in the ledger: this owner's. */
  head: Receipt
  readonly place: string | undefined
  /** Until matched: what re-execution has to come to. */
  ahead: Ahead | null
  /** Milliseconds between commits; null: only with the checkpoint. */
  readonly commitMs: number | null
  private readonly writer: TransactionalWriter<unknown>
  private writing: Promise<void> | undefined
  private uncommitted = false

  constructor(options: {
    readonly id: string
    readonly sinks: readonly OutletSink[]
    readonly writer: TransactionalWriter<unknown>
    readonly head: Receipt
    /** The checkpoint's digest: where the running digest goes on. */
    readonly digest: string
    readonly ahead: Ahead | null
    readonly commitMs: number | null
  }) {
    super(options.sinks)
    this.id = options.id
    this.writer = options.writer
    this.head = options.head
    this.place = options.writer.place
    this.ahead = options.ahead
    this.commitMs = options.commitMs
    this.digest = new ChainedDigest(options.digest)
  }

  /** True while outputs exist that no receipt covers. */
  get dirty(): boolean {
    return this.uncommitted || this.hasSealed
  }

  get mark(): LedgerMark {
    const mark = { seq: this.head.seq, digest: this.head.digest }
    return this.place === undefined ? mark : { ...mark, place: this.place }
  }

  /** Hands sealed outputs to the writer where enough have gathered. Rejects with what an earlier hand-over ran into. */
  async relieve(): Promise<void> {
    if (this.phase === 'live' && this.bytes >= HAND_OVER_BYTES) await this.handOver()
  }

  /** Outputs and receipt become durable together. After a rejection the ledger is good for `close` only. */
  async commit(point: CommitPoint): Promise<void> {
    this.seal()
    await this.handOver()
    await this.writing
    const receipt: Receipt = {
      ...this.head,
      seq: this.head.seq + 1,
      epoch: point.epoch,
      time: point.time,
      positions: point.positions,
      digest: this.digest.toString(),
      fingerprint: point.fingerprint,
      rejections: [],
    }
    await this.writer.commit(receipt)
    this.head = receipt
    this.uncommitted = false
  }

  /** Nothing was offered to it up to `positions`: its receipt alone moves there. */
  async settle(positions: Positions): Promise<void> {
    const receipt: Receipt = { ...this.head, seq: this.head.seq + 1, positions }
    await this.writer.commit(receipt)
    this.head = receipt
  }

  async close(): Promise<void> {
    await this.writing?.catch(() => undefined)
    await this.writer.close()
  }

  /** One write at a time; processing goes on while the newest is under way. */
  private async handOver(): Promise<void> {
    await this.writing
    const items = this.take()
    if (items.length === 0) return
    this.uncommitted = true
    this.writing = this.writer.write(items)
    // Observed at the next hand-over or commit; a rejection must not count as unhandled until then.
    this.writing.catch(() => undefined)
  }
}
