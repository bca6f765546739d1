import { gzipSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import type { Seeded } from '../simulation/seeded.js'
import { plainCodecs } from './plain-codecs.js'
import { HEADER_BYTES } from './plain-batches.js'
import { varint } from './make-batch.js'

/** Changes the bytes of one batch; may give others. Length and checksum are mended, or not, afterwards. */
export type Mutation = (batch: Buffer, random: Seeded, other: Buffer) => Buffer

const numbers = [0, 1, -1, -2, 5, 127, 128, 255, 2 ** 16, 2 ** 24, 2 ** 31 - 1, -(2 ** 31)]
const lengths = [...numbers, 2 ** 31, 2 ** 35, -(2 ** 35), 2 ** 53]

/** Where a mutation may strike: mostly behind the header. */
function somewhere(batch: Buffer, random: Seeded): number {
  const from = random.chance(0.75) && batch.length > HEADER_BYTES ? HEADER_BYTES : 0
  return from + random.below(batch.length - from)
}

function inserted(batch: Buffer, at: number, bytes: Uint8Array, instead: number): Buffer {
  return Buffer.concat([batch.subarray(0, at), bytes, batch.subarray(at + instead)])
}

function flipBits(batch: Buffer, random: Seeded): Buffer {
  for (let left = 1 + random.below(4); left > 0; left--) batch[somewhere(batch, random)]! ^= 1 << random.below(8)
  return batch
}

function setBytes(batch: Buffer, random: Seeded): Buffer {
  for (let left = 1 + random.below(3); left > 0; left--) {
    batch[somewhere(batch, random)] = random.pick([0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, random.below(256)])
  }
  return batch
}

/** The header's own numbers: length, attributes with the codec's bits, last offset, times, producer, count. */
function setField(batch: Buffer, random: Seeded): Buffer {
  const at = random.pick([0, 4, 8, 12, 21, 23, 27, 31, 35, 39, 43, 47, 57, 57])
  if (at === 21) batch[22] = random.below(64)
  else batch.writeInt32BE(random.pick([...numbers, random.below(20)]), at)
  return batch
}

/** Another number in the place of some bytes: lengths and counts that are huge, below zero, or written too long. */
function setVarint(batch: Buffer, random: Seeded): Buffer {
  const tooLong = [Buffer.alloc(5, 0x80), Buffer.alloc(11, 0xff), Buffer.from([0x80, 0x80, 0x80, 0x80, 0x10])]
  const number = random.chance(0.8) ? varint(random.pick([...lengths, random.below(300)])) : random.pick(tooLong)
  return inserted(batch, somewhere(batch, random), number, random.below(number.length + 1))
}

function cut(batch: Buffer, random: Seeded): Buffer {
  return batch.subarray(0, 1 + random.below(batch.length))
}

function cutOut(batch: Buffer, random: Seeded): Buffer {
  return inserted(batch, somewhere(batch, random), Buffer.alloc(0), 1 + random.below(20))
}

function repeat(batch: Buffer, random: Seeded): Buffer {
  const at = somewhere(batch, random)
  return inserted(batch, at, batch.subarray(at, at + 1 + random.below(40)), 0)
}

/** The beginning of one and the end of another. */
function splice(batch: Buffer, random: Seeded, other: Buffer): Buffer {
  return Buffer.concat([batch.subarray(0, somewhere(batch, random)), other.subarray(somewhere(other, random))])
}

/** Mutated as it was before compression, and compressed by some codec then. */
function inside(batch: Buffer, random: Seeded, other: Buffer): Buffer {
  const plain = payloadOf(batch)
  const header = batch.subarray(0, HEADER_BYTES)
  if (plain === null) return batch
  let mutated = Buffer.concat([header, plain])
  if (random.chance(0.9)) mutated = Buffer.from(random.pick(simple)(mutated, random, other))
  if (mutated.length < HEADER_BYTES) return mutated
  const codec = random.below(5)
  mutated.writeInt16BE((mutated.readInt16BE(21) & ~7) | codec, 21)
  return Buffer.concat([mutated.subarray(0, HEADER_BYTES), compress(mutated.subarray(HEADER_BYTES), codec, random)])
}

function payloadOf(batch: Buffer): Uint8Array | null {
  try {
    return plainCodecs[batch.readInt16BE(21) & 7]?.(batch.subarray(HEADER_BYTES)) ?? null
  } catch {
    return null
  }
}

function compress(plain: Buffer, codec: number, random: Seeded): Buffer {
  if (codec === 1) return gzipSync(plain, { level: 1 })
  if (codec === 2) return random.chance(0.5) ? compressSync(plain) : xerial(plain, random)
  if (codec === 3) return compressFrameSync(plain)
  return codec === 4 ? storedZstd(plain, random) : plain
}

function xerial(plain: Buffer, random: Seeded): Buffer {
  const size = 1 + random.below(plain.length)
  const parts: Buffer[] = [Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1')]
  for (let at = 0; at < plain.length; at += size) {
    const block = compressSync(plain.subarray(at, at + size))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/** A frame of stored blocks (RFC 8878, 3.1.1.2), with a window and no size. */
function storedZstd(plain: Buffer, random: Seeded): Buffer {
  const size = 1 + random.below(Math.max(1, plain.length))
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58])]
  for (let at = 0; at < plain.length || at === 0; at += size) {
    const block = plain.subarray(at, at + size)
    const head = Buffer.alloc(3)
    head.writeUIntLE((block.length << 3) | (at + size >= plain.length ? 1 : 0), 0, 3)
    parts.push(head, block)
  }
  return Buffer.concat(parts)
}

const simple: readonly Mutation[] = [flipBits, setBytes, setField, setVarint, setVarint, cut, cutOut, repeat, splice]
export const mutations: readonly Mutation[] = [...simple, inside, inside, inside, inside]
