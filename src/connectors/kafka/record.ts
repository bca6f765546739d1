import { type Headers, noHeaders } from '../../definition/headers.js'
import type { SourceRecord } from '../../definition/source.js'
import { RecordHeaders } from './record-headers.js'

/** What the records of one batch have in common. */
export interface BatchFrame {
  /** The batch's records, decompressed. All views of a record share this memory. */
  readonly bytes: Buffer
  readonly baseOffset: number
  /** Milliseconds since the epoch, to which records add their own. */
  readonly baseTimestamp: number
  /** Milliseconds since the epoch, in place of the records' own: when the broker wrote the batch. */
  readonly appendTime: number | null
}

/**
 * One Kafka record, still in the bytes of its batch: a field is made when it is asked for, each time anew. Everything
 * was checked before, so none of the getters throws. A key or value that outlives the batch should be copied: it holds
 * the whole batch in memory.
 */
export class KafkaRecord implements SourceRecord<Uint8Array | null> {
  private readonly frame: BatchFrame
  private readonly offsetDelta: number
  private readonly timestampDelta: number
  private readonly keyAt: number
  /** -1: null. */
  private readonly keyLength: number
  private readonly valueAt: number
  /** -1: null. */
  private readonly valueLength: number
  private readonly headersAt: number
  private readonly headerCount: number

  constructor(
    frame: BatchFrame,
    offsetDelta: number,
    timestampDelta: number,
    keyAt: number,
    keyLength: number,
    valueAt: number,
    valueLength: number,
    headersAt: number,
    headerCount: number,
  ) {
    this.frame = frame
    this.offsetDelta = offsetDelta
    this.timestampDelta = timestampDelta
    this.keyAt = keyAt
    this.keyLength = keyLength
    this.valueAt = valueAt
    this.valueLength = valueLength
    this.headersAt = headersAt
    this.headerCount = headerCount
  }

  get offset(): number {
    return this.frame.baseOffset + this.offsetDelta
  }

  get position(): string {
    return String(this.offset)
  }

  get next(): string {
    return String(this.offset + 1)
  }

  get key(): Uint8Array | null {
    const { keyAt, keyLength } = this
    return keyLength < 0 ? null : this.frame.bytes.subarray(keyAt, keyAt + keyLength)
  }

  get value(): Uint8Array | null {
    const { valueAt, valueLength } = this
    return valueLength < 0 ? null : this.frame.bytes.subarray(valueAt, valueAt + valueLength)
  }

  /** Milliseconds since the epoch: the producer's time, or the broker's where the topic says LogAppendTime. Exact where it and the batch's are within 2^53. */
  get timestamp(): number {
    const { appendTime, baseTimestamp } = this.frame
    return appendTime ?? baseTimestamp + this.timestampDelta
  }

  get headers(): Headers {
    return this.headerCount === 0 ? noHeaders : new RecordHeaders(this.frame.bytes, this.headersAt, this.headerCount)
  }
}
