import type { Positions } from '../definition/position.js'
import type { Origin, Receipt, TransactionalWriter } from '../definition/sink.js'
import { RecordRejected } from '../errors/record.js'
import type { LedgerMark } from '../protocol/checkpoint.js'
import type { EpochMs } from '../units.js'
import { ChainedDigest } from './digest.js'
import { Outlet, type OutletSink, type OutputItem } from './outlet.js'
import type { Ahead } from './recovery.js'
import { RefusedItem } from './refused-item.js'
import type { Refusals } from './refusals.js'

/** What the receipt of a commit says beside what the ledger knows itself. */
export interface CommitPoint {
  readonly epoch: number
  readonly time: EpochMs
  readonly positions: Positions
  readonly fingerprint: string
  /** All since the checkpoint whose letters, if they have any, are durable by then. */
  readonly rejections: Receipt['rejections']
  /** The epoch, if what was due at its start has happened. */
  readonly timersEpoch: number | null
  /** What waits for event time has happened, at the end of a bounded run. */
  readonly ended: boolean
  /** Where results of calls lie, if there are any. */
  readonly answers?: string
}

/** Outputs waiting for the writer are handed over at that size, so that a large epoch needs no large memory. */
const HAND_OVER_BYTES = 1024 * 1024
/** The same, where few outputs keep much in memory that was read. */
const HAND_OVER_PINNED = 4 * HAND_OVER_BYTES
/** Of a sink that may refuse items, that much is kept until its commit at most: then the commit comes early. */
const KEPT_BYTES = 16 * HAND_OVER_BYTES
const KEPT_PINNED = 64 * HAND_OVER_BYTES
/** After a refusal, so many are committed first: each further one among them means writing all of these again. */
const CHUNK = 256

/** What becomes of an item that the sink refuses: see `Refusals`. */
export type Judge = Pick<Refusals, 'refuse'>

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
  private readonly refused: RefusedItem
  private readonly judge: Judge | undefined
  /** Whether its sinks may refuse items. */
  private readonly keeps: boolean
  private writing: Promise<void> | undefined
  private uncommitted = false
  /** Handed over since the last commit, refused items included: what is written again after a refusal. */
  private kept: OutputItem[] = []
  private keptBytes = 0
  private keptPinned = 0
  /** So many of `kept` go into the next commit, which is then at a position below the session's; null: all of them. */
  private cut: number | null = null

  constructor(options: {
    readonly id: string
    readonly sinks: readonly OutletSink[]
    readonly writer: TransactionalWriter<unknown>
    readonly head: Receipt
    /** The checkpoint's digest: where the running digest goes on. */
    readonly digest: string
    readonly ahead: Ahead | null
    readonly commitMs: number | null
    /** Where `ctx.reject` of its sinks says what they refuse. */
    readonly refused?: RefusedItem
    readonly judge?: Judge
  }) {
    super(options.sinks)
    this.id = options.id
    this.writer = options.writer
    this.head = options.head
    this.place = options.writer.place
    this.ahead = options.ahead
    this.commitMs = options.commitMs
    this.digest = new ChainedDigest(options.digest)
    this.refused = options.refused ?? new RefusedItem()
    this.judge = options.judge
    this.keeps = options.sinks.some(({ sink }) => sink.mode !== 'transactional' || sink.neverRejects !== true)
  }

  /** True while outputs exist that no receipt covers. */
  get dirty(): boolean {
    return this.uncommitted || this.hasSealed
  }

  /** Whether it has to commit now, whatever its clock says. */
  get isFull(): boolean {
    return this.cut !== null || this.keptBytes >= KEPT_BYTES || this.keptPinned >= KEPT_PINNED
  }

  get mark(): LedgerMark {
    const mark = { seq: this.head.seq, digest: this.head.digest }
    return this.place === undefined ? mark : { ...mark, place: this.place }
  }

  /** Hands sealed outputs to the writer where enough have gathered. Rejects with what an earlier hand-over ran into. */
  async relieve(): Promise<void> {
    const enough = this.bytes >= HAND_OVER_BYTES || this.pinned >= HAND_OVER_PINNED
    if (this.phase === 'live' && enough) await this.handOver()
  }

  /** All that is offered is with the writer, and it has refused what it will refuse before the commit. */
  async prepare(): Promise<void> {
    this.seal()
    await this.handOver()
    await this.written()
  }

  /**
   * Outputs and receipt become durable together. False: to be called again, after the dead letters' ledger, since the sink
   * has refused an item, or since only a part of the outputs is durable. After a rejection it is good for `close` only.
   */
  async commit(point: CommitPoint): Promise<boolean> {
    await this.prepare()
    const { part, rest } = this.parts()
    const first = rest[0]?.output
    const digest = first === undefined ? this.digest : chained(this.head.digest, part)
    const { ended: _, answers: __, ...head } = this.head
    const receipt: Receipt = {
      ...head,
      seq: head.seq + 1,
      epoch: point.epoch,
      time: point.time,
      positions: first === undefined ? point.positions : { ...point.positions, ...first.before },
      digest: digest.toString(),
      timersEpoch: point.timersEpoch ?? head.timersEpoch,
      ...(point.ended && first === undefined && { ended: true }),
      ...(point.answers !== undefined && { answers: point.answers }),
      fingerprint: point.fingerprint,
      rejections: point.rejections,
    }
    this.refused.clear()
    try {
      await this.writer.commit(receipt)
    } catch (error) {
      await this.withdraw(error)
      return false
    }
    this.head = receipt
    for (const item of part) item.passed = true
    this.cut = null
    this.kept = rest
    this.uncommitted = rest.length > 0
    if (rest.length > 0) this.write(rest)
    else {
      this.keptBytes = 0
      this.keptPinned = 0
    }
    return rest.length === 0
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
    await this.written()
    const items = this.keep()
    if (items.length === 0) return
    this.uncommitted = true
    // Behind a cut they wait for the commit of what is before it.
    if (this.cut === null) this.write(items)
  }

  private keep(): readonly OutputItem[] {
    const { bytes, pinned } = this
    const items = this.take()
    if (!this.keeps || items.length === 0) return items
    this.kept = this.kept.concat(items)
    this.keptBytes += bytes
    this.keptPinned += pinned
    return items
  }

  private write(items: readonly OutputItem[]): void {
    const accepted = items.some((item) => item.refused) ? items.filter((item) => !item.refused) : items
    this.refused.clear()
    this.writing = accepted.length === 0 ? undefined : this.writer.write(accepted)
    // Observed at the next hand-over or commit; a rejection must not count as unhandled until then.
    this.writing?.catch(() => undefined)
  }

  /** The newest write has ended; where it refused an item, the rest has been written again. */
  private async written(): Promise<void> {
    for (;;) {
      try {
        await this.writing
        return
      } catch (error) {
        await this.withdraw(error)
      }
    }
  }

  /** Takes back all since the last commit, but for the refused item, and writes it again up to a cut. Throws `error` if it refuses none. */
  private async withdraw(error: unknown): Promise<void> {
    const { judge, refused, kept } = this
    const item = refused.among(kept)
    if (judge === undefined || item === undefined || refused.latest === null) throw error
    const { reason } = refused.latest
    const hadRoom = judge.refuse(item, reason)
    await this.writer.abort()
    // Its letter, where that goes into the same ledger.
    this.keep()
    const index = kept.indexOf(item)
    const cut = Math.min(hadRoom ? behind(kept, Math.max(index, CHUNK - 1)) : before(kept, index), this.cut ?? Infinity)
    if (cut === 0) throw new RecordRejected({ ...placeOf(item), step: item.sink, reason: `${reason}; ${NO_ROOM}` })
    this.cut = cut < kept.length ? cut : null
    this.write(this.parts().part)
  }

  /** What goes into the next commit, and what has to wait for the one after it. Letters wait for nothing. */
  private parts(): { readonly part: OutputItem[]; readonly rest: OutputItem[] } {
    const { cut, kept } = this
    if (cut === null) return { part: kept, rest: [] }
    const part = kept.slice(0, cut)
    const rest: OutputItem[] = []
    for (const item of kept.slice(cut)) (item.chained ? rest : part).push(item)
    return { part, rest }
  }
}

const NO_ROOM = 'and more of its record is refused than a receipt can list'

/** The index behind the last output of the record that the one at `index` came of. */
function behind(items: readonly OutputItem[], index: number): number {
  const record = items[index]?.output.record
  let end = index
  while (end < items.length && items[end]?.output.record === record) end++
  return end
}

/** The index of the first output of the record that the one at `index` came of. */
function before(items: readonly OutputItem[], index: number): number {
  const record = items[index]?.output.record
  let start = index
  while (start > 0 && items[start - 1]?.output.record === record) start--
  return start
}

/** The digest that a ledger at `from` has after those. */
function chained(from: string, items: readonly OutputItem[]): ChainedDigest {
  const digest = new ChainedDigest(from)
  for (const item of items) if (item.chained) digest.update(item.toBytes(), item.tag)
  return digest
}

function placeOf({ output }: OutputItem): { pipeline: string; stage: string; origin: Origin } {
  const { pipeline, stage } = output.place
  return { pipeline, stage, origin: output.origin }
}
