import { plainCrc32c } from './plain-crc.js'
import { HEADER_BYTES } from './plain-batches.js'
import type { Seeded } from '../simulation/seeded.js'

/** Writes length and checksum that fit into the bytes of one batch. */
export function seal(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - 12, 8)
  return sealChecksum(batch)
}

export function sealChecksum(batch: Buffer): Buffer {
  batch.writeUInt32BE(plainCrc32c(batch.subarray(21)), 17)
  return batch
}

/** A batch of a few records with anything in them; some are transactional, some are markers, some have gaps. */
export function anyBatch(random: Seeded): Buffer {
  const control = random.chance(0.15)
  const count = control ? 1 : random.below(8)
  const records: Buffer[] = []
  let delta = -1
  for (let i = 0; i < count; i++) {
    delta += random.chance(0.2) ? 1 + random.below(300) : 1
    records.push(control ? marker(random) : anyRecord(random, delta))
  }
  const transactional = control || random.chance(0.4)
  const header = Buffer.alloc(HEADER_BYTES)
  header[16] = 2
  const attributes = (random.chance(0.1) ? 8 : 0) | (transactional ? 0x10 : 0) | (control ? 0x20 : 0)
  header.writeInt16BE(attributes, 21)
  header.writeInt32BE(Math.max(0, delta) + (random.chance(0.2) ? random.below(50) : 0), 23)
  header.writeBigInt64BE(1_700_000_000_000n, 27)
  header.writeBigInt64BE(1_700_000_100_000n, 35)
  header.writeBigInt64BE(transactional ? BigInt(random.below(PRODUCERS)) : -1n, 43)
  header.writeInt32BE(count, 57)
  return seal(Buffer.concat([header, ...records]))
}

/** Transactions are of producers below this. */
export const PRODUCERS = 3

function marker(random: Seeded): Buffer {
  const key = Buffer.from([0, 0, 0, random.below(2)])
  return framed([Buffer.from([0, 0, 0]), sized(key), sized(Buffer.alloc(6)), varint(0)])
}

function anyRecord(random: Seeded, delta: number): Buffer {
  const time = random.chance(0.2) ? random.below(2 ** 40) - 2 ** 39 : random.below(1_000)
  const headers = Array.from({ length: random.chance(0.3) ? random.below(4) : 0 }, () => [
    sized(anyBytes(random, 9)),
    sized(random.chance(0.2) ? null : anyBytes(random, 9)),
  ]).flat()
  const [key, value] = [anyBytes(random, 20), anyBytes(random, 200)]
  return framed([
    Buffer.from([0]),
    varint(time),
    varint(delta),
    sized(random.chance(0.2) ? null : key),
    sized(random.chance(0.1) ? null : value),
    varint(headers.length / 2),
    ...headers,
  ])
}

function anyBytes(random: Seeded, most: number): Buffer {
  const bytes = Buffer.alloc(random.below(most))
  // Few different ones, so that there is something to compress; at times what looks like a marker.
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.chance(0.8) ? 0x61 : random.below(256)
  return random.chance(0.05) ? Buffer.from([0, 0, 0, random.below(2)]) : bytes
}

function framed(parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([varint(body.length), body])
}

function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])
}

/** Zigzag. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}
