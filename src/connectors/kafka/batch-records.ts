import { type BatchFrame, KafkaRecord } from './record.js'
import { VarintReader } from './varint-reader.js'

/** Bytes of the smallest record: length, attributes, timestamp, offset, key, value, headers. */
export const LEAST_RECORD = 7

/** Reads the records of one batch, piece by piece. Throws a RangeError where they aren't framed as they say. */
export class BatchRecords {
  private readonly frame: BatchFrame
  private readonly reader: VarintReader
  private readonly lastDelta: number
  /** Records below this offset delta are left out. */
  private readonly fromDelta: number
  private left: number
  private delta = -1

  constructor(frame: BatchFrame, count: number, lastDelta: number, fromDelta: number) {
    this.frame = frame
    this.reader = new VarintReader(frame.bytes, 0)
    this.left = count
    this.lastDelta = lastDelta
    this.fromDelta = fromDelta
  }

  get done(): boolean {
    return this.left === 0
  }

  /** Bytes read so far. */
  get bytesRead(): number {
    return this.reader.at
  }

  /** The offset after the last record read, or of the batch itself before the first. */
  get next(): number {
    return this.frame.baseOffset + this.delta + 1
  }

  /** Appends records to `out` until it holds `maxRecords`, or `maxBytes` of this batch have been read, but at least one. */
  read(out: KafkaRecord[], maxRecords: number, maxBytes: number): void {
    const { frame, reader, fromDelta, lastDelta } = this
    const end = frame.bytes.length
    const full = reader.at + maxBytes
    const had = out.length
    while (this.left > 0 && out.length < maxRecords && (reader.at < full || out.length === had)) {
      const length = reader.varint()
      const recordEnd = reader.at + length
      if (length < 0 || recordEnd > end) throw new RangeError('a record longer than its batch')
      reader.at++ // attributes: unused
      const timestampDelta = reader.varlong()
      const offsetDelta = reader.varint()
      if (offsetDelta <= this.delta || offsetDelta > lastDelta) throw new RangeError('offsets out of order')
      const keyLength = reader.varint()
      const keyAt = reader.at
      if (keyLength > 0) reader.at += keyLength
      const valueLength = reader.varint()
      const valueAt = reader.at
      if (valueLength > 0) reader.at += valueLength
      const headerCount = reader.varint()
      const headersAt = reader.at
      for (let left = headerCount; left > 0; left--) this.skipHeader()
      if (reader.at !== recordEnd || keyLength < -1 || valueLength < -1 || headerCount < 0)
        throw new RangeError('a record that ends elsewhere than it says')
      this.delta = offsetDelta
      this.left--
      if (offsetDelta < fromDelta) continue
      out.push(
        new KafkaRecord(
          frame,
          offsetDelta,
          timestampDelta,
          keyAt,
          keyLength,
          valueAt,
          valueLength,
          headersAt,
          headerCount,
        ),
      )
    }
    if (this.left === 0 && reader.at !== end) throw new RangeError('bytes after the last record')
  }

  private skipHeader(): void {
    const { reader } = this
    const nameLength = reader.varint()
    if (nameLength < 0) throw new RangeError('a header without a name')
    reader.at += nameLength
    const valueLength = reader.varint()
    if (valueLength < -1) throw new RangeError('a header of a length below none')
    if (valueLength > 0) reader.at += valueLength
  }
}
