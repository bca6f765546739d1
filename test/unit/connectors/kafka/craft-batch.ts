import { crc32c } from '@node-rs/crc32'

export interface CraftedRecord {
  readonly offsetDelta: number
  readonly timestampDelta?: number
  readonly key?: Uint8Array | string | null
  readonly value?: Uint8Array | string | null
  readonly headers?: readonly (readonly [string, string | null])[]
}

export interface CraftedBatch {
  readonly baseOffset: number
  readonly records: readonly CraftedRecord[]
  /** Default: of the last record. */
  readonly lastOffsetDelta?: number
  readonly baseTimestamp?: number
  readonly maxTimestamp?: number
  readonly producerId?: number
  readonly transactional?: boolean
  readonly control?: boolean
  readonly logAppendTime?: boolean
  /** Number in the attributes, and what it does to the records. */
  readonly codec?: { readonly number: number; readonly compress: (plain: Buffer) => Buffer }
  readonly magic?: number
  /** Default: as many as there are. */
  readonly count?: number
}

/** The bytes of one record batch, byte by byte as the protocol says: for what no producer writes. */
export function craftBatch(batch: CraftedBatch): Buffer {
  const plain = Buffer.concat(batch.records.map(craftRecord))
  const body = batch.codec === undefined ? plain : batch.codec.compress(plain)
  const bytes = Buffer.alloc(61 + body.length)
  bytes.writeBigInt64BE(BigInt(batch.baseOffset), 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt8(batch.magic ?? 2, 16)
  const attributes =
    (batch.codec?.number ?? 0) |
    (batch.logAppendTime === true ? 0x08 : 0) |
    (batch.transactional === true ? 0x10 : 0) |
    (batch.control === true ? 0x20 : 0)
  bytes.writeInt16BE(attributes, 21)
  bytes.writeInt32BE(batch.lastOffsetDelta ?? batch.records.at(-1)?.offsetDelta ?? 0, 23)
  bytes.writeBigInt64BE(BigInt(batch.baseTimestamp ?? 1_700_000_000_000), 27)
  bytes.writeBigInt64BE(BigInt(batch.maxTimestamp ?? 1_700_000_000_000), 35)
  bytes.writeBigInt64BE(BigInt(batch.producerId ?? -1), 43)
  bytes.writeInt32BE(batch.count ?? batch.records.length, 57)
  body.copy(bytes, 61)
  return sealBatch(bytes)
}

/** A control batch: the end of a transaction. */
export function craftMarker(baseOffset: number, producerId: number, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const records = [{ offsetDelta: 0, key, value: Buffer.alloc(6) }]
  return craftBatch({ baseOffset, producerId, transactional: true, control: true, records })
}

/** Writes the right checksum into `bytes`, which hold one batch. */
export function sealBatch(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

function craftRecord(record: CraftedRecord): Buffer {
  const headers = record.headers ?? []
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(record.timestampDelta ?? 0),
    varint(record.offsetDelta),
    sized(record.key ?? null),
    sized(record.value ?? null),
    varint(headers.length),
    ...headers.flatMap(([name, value]) => [sized(name), sized(value)]),
  ])
  return Buffer.concat([varint(body.length), body])
}

function sized(content: Uint8Array | string | null): Buffer {
  if (content === null) return varint(-1)
  const bytes = Buffer.from(content as string)
  return Buffer.concat([varint(bytes.length), bytes])
}

/** Zigzag, any safe integer. */
export function varint(value: number): Buffer {
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  const bytes: number[] = []
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
