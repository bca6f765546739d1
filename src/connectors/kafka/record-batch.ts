import { crc32c } from '@node-rs/crc32'
import { BatchRecords, LEAST_RECORD } from './batch-records.js'
import { codecOf, MAX_DECOMPRESSED } from './compression/decompress.js'
import type { KafkaRecord } from './record.js'

const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const RECORDS_AT = 61

const CODEC = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** The type of a control record that ends an aborted transaction. */
const ABORT = 0

/**
 * One record batch (magic 2), checked against its checksum. Throws, with what is wrong, for anything else, older formats
 * included.
 */
export class RecordBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  /** -1: none. */
  readonly producerId: number
  private readonly bytes: Buffer
  private readonly attributes: number

  /** `bytes`: from the batch's first to its last. */
  constructor(bytes: Buffer) {
    const magic = bytes[MAGIC_AT]
    if (magic !== 2) throw new RangeError(formatFault(magic))
    if (bytes.length < RECORDS_AT) throw new RangeError('is shorter than a header')
    if (crc32c(bytes.subarray(ATTRIBUTES_AT)) !== bytes.readUInt32BE(CRC_AT))
      throw new RangeError('does not match its checksum')
    this.bytes = bytes
    this.attributes = bytes.readUInt16BE(ATTRIBUTES_AT)
    this.baseOffset = readInt64(bytes, 0)
    this.lastOffset = this.baseOffset + bytes.readInt32BE(23)
    this.producerId = readInt64(bytes, 43)
    if (this.baseOffset < 0 || this.lastOffset < this.baseOffset || !Number.isSafeInteger(this.lastOffset + 1))
      throw new RangeError(`claims the offsets ${this.baseOffset} to ${this.lastOffset}`)
  }

  get isControl(): boolean {
    return (this.attributes & CONTROL) !== 0
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL) !== 0
  }

  /** Of a control batch: whether it ends an aborted transaction. */
  get isAbortMarker(): boolean {
    const markers: KafkaRecord[] = []
    this.records(this.baseOffset).read(markers, 1, Infinity)
    const key = markers[0]?.key ?? null // compaction may have left none
    return key !== null && key.length >= 4 && ((key[2] ?? 0) << 8) + (key[3] ?? 0) === ABORT
  }

  /** Its records from `offset` on. */
  records(offset: number): BatchRecords {
    const { bytes, baseOffset, lastOffset } = this
    // With LogAppendTime the broker wrote one time for all into maxTimestamp; the records' own don't count.
    const appendTime = (this.attributes & LOG_APPEND_TIME) !== 0 ? readInt64(bytes, 35) : null
    const frame = { bytes: this.payload(), baseOffset, baseTimestamp: readInt64(bytes, 27), appendTime }
    const count = bytes.readInt32BE(57)
    if (count < 0 || count * LEAST_RECORD > frame.bytes.length) throw new RangeError(`claims ${count} records`)
    return new BatchRecords(frame, count, lastOffset - baseOffset, offset - baseOffset)
  }

  private payload(): Buffer {
    const stored = this.bytes.subarray(RECORDS_AT)
    const codec = this.attributes & CODEC
    if (codec === 0) return stored
    const decompress = codecOf(codec)
    if (decompress === undefined) throw new RangeError(`is compressed with an unknown codec (${codec})`)
    return decompress(stored, MAX_DECOMPRESSED)
  }
}

function formatFault(magic: number | undefined): string {
  return magic === 0 || magic === 1
    ? `is in the message format ${magic} of before Kafka 0.11, which has no transactions and no checksums over all`
    : `is in an unknown format (magic ${magic})`
}

/** Exact below 2^53. */
function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
