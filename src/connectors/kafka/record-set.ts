import { CorruptBatch, type SourcePlace } from '../../errors/source.js'
import { AbortedTransactions } from './aborted-transactions.js'
import type { BatchRecords } from './batch-records.js'
import type { AbortedTransaction } from './protocol/fetch.js'
import type { KafkaRecord } from './record.js'
import { RecordBatch } from './record-batch.js'

/** Base offset and length, which the length itself doesn't count. */
const PREFIX = 12
/** A batch from here on is damage, not a batch: brokers refuse such sizes. */
const MAX_BATCH = 1024 ** 3

export interface RecordSetOptions {
  readonly place: SourcePlace
  /** The offset asked for: the first batch may begin below. */
  readonly from: number
  /** Leave out aborted transactions, and all from the last stable offset on. */
  readonly committed: boolean
  /** -1: not known. */
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
}

/**
 * The record batches of one fetch, read piece by piece in log order. Control batches are never delivered; a batch cut
 * off at the end is left to the next fetch. Throws CorruptBatch for what can't be read.
 */
export class RecordSet {
  private readonly bytes: Buffer
  private readonly options: RecordSetOptions
  private readonly aborted: AbortedTransactions
  private at = 0
  private records: BatchRecords | null = null
  /** The offset after the batch read last. */
  private batchNext = 0
  private batchOffset = 0
  private nextOffset: number

  constructor(bytes: Buffer, options: RecordSetOptions) {
    this.bytes = bytes
    this.options = options
    this.aborted = new AbortedTransactions(options.aborted)
    this.nextOffset = options.from
  }

  /** The offset after all that has been read, records left out and gaps included. */
  get next(): number {
    return this.nextOffset
  }

  /** True when there is nothing more to read here. */
  get done(): boolean {
    return this.records === null && !this.isWhole()
  }

  /** Bytes that the fetch would have had to bring for its first batch; 0 if it brought a whole one, or none at all. */
  get missing(): number {
    const { bytes, at } = this
    if (at !== 0 || bytes.length === 0 || this.isWhole()) return 0
    return bytes.length < PREFIX ? PREFIX : this.sizeAt(0)
  }

  /**
   * Appends records of one batch to `out` until it holds `maxRecords`, or `maxBytes` of the batch have been read, but at
   * least one if the batch has one to deliver. Returns the bytes read, decompressed.
   */
  read(out: KafkaRecord[], maxRecords: number, maxBytes: number): number {
    try {
      this.records ??= this.nextBatch()
      const { records } = this
      if (records === null) return 0
      const before = records.bytesRead
      records.read(out, maxRecords, maxBytes)
      this.nextOffset = Math.max(this.nextOffset, records.done ? this.batchNext : records.next)
      if (records.done) this.records = null
      return records.bytesRead - before
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new CorruptBatch({ ...this.options.place, position: String(this.batchOffset), reason }, error)
    }
  }

  /** The next batch's records; null for one that has none to deliver, or at the end. */
  private nextBatch(): BatchRecords | null {
    if (!this.isWhole()) return null
    const { options, bytes, at } = this
    const end = at + this.sizeAt(at)
    this.batchOffset = bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
    const batch = new RecordBatch(bytes.subarray(at, end))
    if (batch.baseOffset < this.batchNext) throw new RangeError(`comes after one that ends at ${this.batchNext}`)
    if (options.committed && options.lastStableOffset >= 0 && batch.lastOffset >= options.lastStableOffset) {
      this.at = bytes.length
      return null
    }
    this.at = end
    this.batchNext = batch.lastOffset + 1
    if (this.delivers(batch)) return batch.records(options.from)
    this.nextOffset = Math.max(this.nextOffset, this.batchNext)
    return null
  }

  private delivers(batch: RecordBatch): boolean {
    const { committed, from } = this.options
    const aborted = committed && batch.isTransactional && this.aborted.covers(batch.producerId, batch.lastOffset)
    if (batch.isControl) {
      if (committed && batch.isAbortMarker) this.aborted.ended(batch.producerId)
      return false
    }
    return !aborted && batch.lastOffset >= from
  }

  private isWhole(): boolean {
    const { bytes, at } = this
    return at + PREFIX <= bytes.length && at + this.sizeAt(at) <= bytes.length
  }

  private sizeAt(at: number): number {
    const size = PREFIX + this.bytes.readInt32BE(at + 8)
    if (size > PREFIX && size <= MAX_BATCH) return size
    const position = String(this.bytes.readBigInt64BE(at))
    throw new CorruptBatch({ ...this.options.place, position, reason: `claims to be ${size} bytes` })
  }
}
