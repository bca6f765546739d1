/** The codecs, as plainly as their descriptions say them. Of deflate and zstd only what lies around is done here. */
import { inflateRawSync } from 'node:zlib'
import { decompress as decompressZstd, init } from '@bokuweb/zstd-wasm'
import { plainCrc32 } from './plain-crc.js'
import { must, PlainReader, Refused } from './plain-reader.js'

const LIMIT = 256 * 1024 ** 2

await init()

/** By the codec's number. */
export const plainCodecs: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
  (bytes) => bytes,
  plainGzip,
  plainSnappy,
  plainLz4,
  plainZstd,
]

/** RFC 1952: members one after the other, and then nothing or zeros. */
function plainGzip(bytes: Uint8Array): Uint8Array {
  const reader = new PlainReader(bytes)
  const plain: Uint8Array[] = []
  do plain.push(gzipMember(reader))
  while (reader.left > 0 && reader.bytes[reader.at] !== 0)
  return Buffer.concat(plain)
}

function gzipMember(reader: PlainReader): Uint8Array {
  const start = reader.at
  must(reader.bigEndian(2) === 0x1f8b && reader.byte() === 8, 'not gzip')
  const flags = reader.byte()
  must((flags & 0xe0) === 0, 'unknown gzip flags')
  reader.take(6)
  if (flags & 4) reader.take(reader.littleEndian(2))
  for (const text of [8, 16]) if (flags & text) while (reader.byte() !== 0);
  if (flags & 2) {
    const header = reader.bytes.subarray(start, reader.at)
    must(reader.littleEndian(2) === (plainCrc32(header) & 0xffff), 'another checksum over the gzip header')
  }
  const { buffer, engine } = inflated(reader.bytes.subarray(reader.at))
  reader.take(engine.bytesWritten)
  must(reader.littleEndian(4) === plainCrc32(buffer), 'another gzip checksum')
  must(reader.littleEndian(4) === buffer.length, 'another gzip length')
  return buffer
}

interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

function inflated(bytes: Uint8Array): Inflated {
  try {
    return inflateRawSync(bytes, { info: true, maxOutputLength: LIMIT }) as unknown as Inflated
  } catch (error) {
    throw new Refused(String(error))
  }
}

const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]

/** One raw block, or blocks behind their lengths after the 16 bytes that the Java library begins with. */
function plainSnappy(bytes: Uint8Array): Uint8Array {
  if (!XERIAL.every((byte, at) => bytes[at] === byte)) return snappyBlock(bytes)
  const reader = new PlainReader(bytes)
  reader.take(16)
  const blocks: Uint8Array[] = []
  while (reader.left > 0) blocks.push(snappyBlock(reader.take(reader.bigEndian(4))))
  return Buffer.concat(blocks)
}

function snappyBlock(bytes: Uint8Array): Uint8Array {
  const reader = new PlainReader(bytes)
  const size = Number(reader.unsigned(32))
  // Three bytes make at most 64.
  must(size <= LIMIT && size <= reader.left * 64, 'a snappy block that is too large')
  const plain = new Uint8Array(size)
  let made = 0
  while (reader.left > 0) {
    const tag = reader.byte()
    if ((tag & 3) === 0) {
      const short = tag >> 2
      const length = 1 + (short < 60 ? short : reader.littleEndian(short - 59))
      must(made + length <= size, 'a snappy literal that is too long')
      plain.set(reader.take(length), made)
      made += length
      continue
    }
    const near = (tag & 3) === 1
    const length = near ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2)
    const distance = near ? ((tag >> 5) << 8) + reader.byte() : reader.littleEndian((tag & 3) === 2 ? 2 : 4)
    made = copyBack(plain, made, distance, length)
  }
  must(made === size, 'a snappy block of another size than it says')
  return plain
}

/** The frame format, of which readers of Kafka take one frame. */
function plainLz4(bytes: Uint8Array): Uint8Array {
  const reader = new PlainReader(bytes)
  must(reader.littleEndian(4) === 0x184d2204, 'not lz4')
  const flags = reader.byte()
  const blockSize = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }[(reader.byte() >> 4) & 7]
  must(blockSize !== undefined && flags >> 6 === 1, 'an unknown lz4 frame')
  const announced = flags & 8 ? reader.littleEndian(8) : null
  if (flags & 1) reader.take(4)
  reader.byte() // a checksum over the header: the batch has its own over all
  const linked = (flags & 0x20) === 0
  const plain = new Uint8Array(Math.min(LIMIT, reader.left * 255 + blockSize))
  let made = 0
  for (;;) {
    const length = reader.littleEndian(4)
    const stored = length % 2 ** 31
    if (stored === 0) break // whether or not it says that it is compressed: so does the Java client
    const block = reader.take(stored)
    const end = made + blockSize
    if (length !== stored) {
      must(made + block.length <= Math.min(end, plain.length), 'an lz4 block that is too long')
      plain.set(block, made)
      made += block.length
    } else made = lz4Block(new PlainReader(block), plain, made, linked ? 0 : made, end)
    if (flags & 0x10) reader.take(4)
  }
  must(announced === null || announced === made, 'an lz4 frame of another size than it says')
  return plain.subarray(0, made)
}

function lz4Block(reader: PlainReader, plain: Uint8Array, from: number, history: number, end: number): number {
  let made = from
  const length = (short: number): number => {
    let sum = short
    for (let byte = short === 15 ? 255 : 0; byte === 255; sum += byte) byte = reader.byte()
    return sum
  }
  for (;;) {
    const token = reader.byte()
    const literal = reader.take(length(token >> 4))
    must(made + literal.length <= Math.min(end, plain.length), 'an lz4 literal that is too long')
    plain.set(literal, made)
    made += literal.length
    if (reader.left === 0) return made
    const distance = reader.littleEndian(2)
    must(made - distance >= history, 'an lz4 copy from before the start')
    made = copyBack(plain.subarray(0, end), made, distance, 4 + length(token & 15))
  }
}

function copyBack(plain: Uint8Array, made: number, distance: number, length: number): number {
  must(distance > 0 && distance <= made && made + length <= plain.length, 'a copy from or to where nothing is')
  for (let i = 0; i < length; i++) plain[made + i] = plain[made + i - distance]!
  return made + length
}

/** Meta's own library, compiled to WebAssembly. Frames of unknown size get little room first, then all there is. */
function plainZstd(bytes: Uint8Array): Uint8Array {
  const reader = new PlainReader(bytes)
  must(reader.littleEndian(4) === 0xfd2fb528, 'not zstd')
  const descriptor = reader.byte()
  const single = (descriptor & 0x20) !== 0
  if (!single) reader.take(1)
  reader.take([0, 1, 2, 4][descriptor & 3]!)
  const width = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  must(reader.left >= width && reader.littleEndian(width) <= LIMIT, 'a zstd frame that is too large')
  for (const defaultHeapSize of [2 ** 20, LIMIT]) {
    try {
      return decompressZstd(bytes, { defaultHeapSize })
    } catch (error) {
      // 22: a checksum within the frame, which the batch's own makes needless.
      if (String(error).endsWith(' -22')) return plainZstd(withoutChecksum(bytes))
      // 70: the destination is too small.
      if (width > 0 || !String(error).endsWith(' -70')) throw new Refused(String(error))
    }
  }
  throw new Refused('more than the limit')
}

/** A frame that isn't followed by another. */
function withoutChecksum(frame: Uint8Array): Uint8Array {
  const without = frame.slice(0, -4)
  without[4]! &= ~4
  return without
}
