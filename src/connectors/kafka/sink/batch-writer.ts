import { crc32c } from '@node-rs/crc32'
import { compress } from '../compression/compress.js'
import type { ProducerId } from '../protocol/transactions.js'
import type { Outgoing } from './outgoing.js'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint-writer.js'

const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const RECORDS_AT = 61
const TRANSACTIONAL = 0x10

/** Of a record beside its own bytes: length, attributes, and its distances from the batch's first. */
const MOST_OVERHEAD = 5 + 1 + 9 + 5

/** What a record takes at most in a batch. */
export const roomFor = ({ bytes, at }: Outgoing): number => bytes.length - at + MOST_OVERHEAD

/** One transactional record batch (magic 2) of at least one record, in the codec of its first. */
export function writeBatch(records: readonly Outgoing[], producer: ProducerId, sequence: number): Buffer {
  const [first] = records
  if (first === undefined) throw new RangeError('a batch without records')
  let size = RECORDS_AT
  for (const record of records) size += roomFor(record)
  const batch = Buffer.allocUnsafe(size)
  const base = first.timestamp
  let latest = base
  let end = RECORDS_AT
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!
    const { bytes, at, timestamp } = record
    if (timestamp > latest) latest = timestamp
    const delta = timestamp - base
    const body = bytes.length - at
    const length = 1 + (delta === 0 ? 1 : sizeOfVarlong(delta)) + sizeOfVarint(i) + body
    end = writeVarint(batch, end, length)
    batch[end++] = 0 // attributes
    end = writeVarlong(batch, end, delta)
    end = writeVarint(batch, end, i)
    bytes.copy(batch, end, at)
    end += body
  }
  const { codec } = first.settings
  const whole = codec === 'none' ? batch.subarray(0, end) : compressed(batch, end, codec)
  whole.fill(0, 0, 8) // base offset: the broker's to set
  whole.writeInt32BE(whole.length - 12, 8)
  whole.writeInt32BE(-1, 12) // partition leader epoch
  whole[MAGIC_AT] = 2
  whole.writeUInt16BE(codecNumbers[codec] | TRANSACTIONAL, ATTRIBUTES_AT)
  whole.writeInt32BE(records.length - 1, 23)
  whole.writeBigInt64BE(BigInt(base), 27)
  whole.writeBigInt64BE(BigInt(latest), 35)
  whole.writeBigInt64BE(BigInt(producer.id), 43)
  whole.writeInt16BE(producer.epoch, 51)
  whole.writeInt32BE(sequence, 53)
  whole.writeInt32BE(records.length, 57)
  whole.writeUInt32BE(crc32c(whole.subarray(ATTRIBUTES_AT)), CRC_AT)
  return whole
}

const codecNumbers = { none: 0, gzip: 1, snappy: 2, lz4: 3 } as const

function compressed(batch: Buffer, end: number, codec: 'gzip' | 'snappy' | 'lz4'): Buffer {
  return Buffer.concat([batch.subarray(0, RECORDS_AT), compress(codec, batch.subarray(RECORDS_AT, end))])
}
