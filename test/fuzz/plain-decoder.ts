import { HEADER_BYTES, type PlainBatch, plainBatches } from './plain-batches.js'
import { plainCodecs } from './plain-codecs.js'
import { plainCrc32c } from './plain-crc.js'
import { must, PlainReader, Refused } from './plain-reader.js'

export interface PlainRecord {
  readonly offset: number
  readonly timestamp: bigint
  /** Whether all that it is made of fits into a number; if not, only the nearest is asked for. */
  readonly exactTime: boolean
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[]
}

export interface Question {
  readonly from: number
  readonly committed: boolean
  /** -1: not known. */
  readonly lastStableOffset: number
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]
}

export interface PlainAnswer {
  /** All that can be told before what is refused. */
  readonly records: readonly PlainRecord[]
  readonly next: number
  /** Why nothing more is told; null where all was read. */
  readonly refused: string | null
  /** The number of the codec of the batch that was refused. */
  readonly codec: number
}

const ABORT = 0
/** Bytes of a record that holds nothing. */
const LEAST_RECORD = 7

/** What a consumer has to get of these bytes: a second telling of the protocol. */
export function plainRead(bytes: Uint8Array, question: Question): PlainAnswer {
  const records: PlainRecord[] = []
  let [next, codec] = [BigInt(question.from), 0]
  const open = new Set<bigint>()
  const told = new Set<Question['aborted'][number]>()
  let end = 0n
  let at = 0
  try {
    for (;;) {
      const rest = bytes.subarray(at)
      mustFrame(rest)
      const [batch] = plainBatches(rest)
      if (batch === undefined) break
      at += batch.bytes.length
      codec = batch.attributes & 7
      mustHold(batch)
      must(batch.baseOffset >= end, 'a batch that begins within the one before')
      if (question.committed && question.lastStableOffset >= 0 && batch.lastOffset >= question.lastStableOffset) break
      end = batch.lastOffset + 1n
      if (question.committed && (batch.attributes & 0x10) !== 0) {
        for (const transaction of question.aborted) {
          if (transaction.firstOffset > batch.lastOffset || told.has(transaction)) continue
          told.add(transaction)
          open.add(BigInt(transaction.producerId))
        }
      }
      if ((batch.attributes & 0x20) !== 0) {
        if (question.committed && isAbort(batch)) open.delete(batch.producerId)
      } else if (
        !((batch.attributes & 0x10) !== 0 && open.has(batch.producerId)) &&
        batch.lastOffset >= question.from
      ) {
        for (const record of recordsOf(batch)) if (record.offset >= question.from) records.push(record)
      }
      if (end > next) next = end
    }
    return { records, next: Number(next), refused: null, codec }
  } catch (error) {
    if (error instanceof Refused) return { records, next: Number(next), refused: error.message, codec }
    throw error
  }
}

/** A batch that can't be framed is refused; one whose end is missing is no batch yet. */
function mustFrame(bytes: Uint8Array): void {
  if (bytes.length < 12) return
  const size = new DataView(bytes.buffer, bytes.byteOffset).getInt32(8)
  must(size > 0 && size <= 1024 ** 3 - 12, 'a batch of a size that cannot be')
  if (bytes.length >= 12 + size) must(12 + size >= HEADER_BYTES, 'a batch shorter than its header')
}

function mustHold({ bytes, baseOffset, lastOffset }: PlainBatch): void {
  must(bytes[16] === 2, 'another format')
  const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(17)
  must(plainCrc32c(bytes.subarray(21)) === checksum, 'another checksum')
  must(baseOffset >= 0 && lastOffset >= baseOffset && lastOffset < Number.MAX_SAFE_INTEGER, 'offsets that cannot be')
}

function isAbort(batch: PlainBatch): boolean {
  const [record] = recordsOf(batch)
  const key = record?.key ?? null
  return key !== null && key.length >= 4 && new PlainReader(key.subarray(2, 4)).bigEndian(2) === ABORT
}

function* recordsOf(batch: PlainBatch): Generator<PlainRecord> {
  const decompress = plainCodecs[batch.attributes & 7]
  must(decompress !== undefined, 'an unknown codec')
  const reader = new PlainReader(decompress(batch.bytes.subarray(HEADER_BYTES)))
  must(batch.count >= 0 && batch.count * LEAST_RECORD <= reader.left, 'a count of records that cannot be')
  let before = -1n
  for (let left = batch.count; left > 0; left--) {
    const record = new PlainReader(reader.take(Number(reader.signed(32))))
    record.byte()
    const time = record.signed(64)
    const delta = record.signed(32)
    must(delta > before && batch.baseOffset + delta <= batch.lastOffset, 'offsets out of order')
    before = delta
    const key = sized(record)
    const value = sized(record)
    const count = Number(record.signed(32))
    must(count >= 0, 'fewer headers than none')
    const headers: [string, Uint8Array][] = []
    for (let more = count; more > 0; more--) {
      const name = sized(record)
      must(name !== null, 'a header without a name')
      headers.push([utf8.decode(name), sized(record) ?? new Uint8Array()])
    }
    must(record.left === 0, 'bytes after the headers')
    const timestamp = (batch.attributes & 8) !== 0 ? batch.maxTimestamp : BigInt.asIntN(64, batch.baseTimestamp + time)
    // The last may still be found to be followed by something that is none.
    if (left === 1) must(reader.left === 0, 'bytes after the last record')
    const exactTime = (batch.attributes & 8) !== 0 ? fits(batch.maxTimestamp) : fits(batch.baseTimestamp) && fits(time)
    yield { offset: Number(batch.baseOffset + delta), timestamp, exactTime, key, value, headers }
  }
  must(reader.left === 0, 'bytes after the last record')
}

const fits = (value: bigint): boolean => Number.isSafeInteger(Number(value))

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

function sized(reader: PlainReader): Uint8Array | null {
  const length = Number(reader.signed(32))
  must(length >= -1, 'a length below none')
  return length === -1 ? null : reader.take(length)
}
