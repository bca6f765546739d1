import { uncompressSync } from 'snappy'
import { checkSize } from './limit.js'

/** What the Java client's framing begins with: magic, version 1, compatible with 1. */
const XERIAL_MAGIC = Buffer.from('\x82SNAPPY\0', 'latin1')
const XERIAL_HEADER = 16
/** Three bytes make at most 64: no memory is taken for what can't come. */
const MOST_OF_A_BYTE = 64 / 3

/** Undoes snappy: one raw block, or the Java client's framing of several, each behind its length. */
export function unsnappy(compressed: Buffer, limit: number): Buffer {
  if (!compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return block(compressed, limit)
  if (compressed.length < XERIAL_HEADER) throw new RangeError('snappy that ends within its header')
  const blocks: Buffer[] = []
  let left = limit
  for (let at = XERIAL_HEADER; at < compressed.length;) {
    const start = at + 4
    const end = start + compressed.readUInt32BE(at)
    if (end > compressed.length) throw new RangeError('a snappy block that ends before its length')
    const plain = block(compressed.subarray(start, end), left)
    blocks.push(plain)
    left -= plain.length
    at = end
  }
  return blocks.length === 1 && blocks[0] !== undefined ? blocks[0] : Buffer.concat(blocks)
}

function block(compressed: Buffer, limit: number): Buffer {
  const size = announcedSize(compressed)
  checkSize(size, limit)
  if (size > compressed.length * MOST_OF_A_BYTE) throw new RangeError('snappy that announces more than it can hold')
  return uncompressSync(compressed, { asBuffer: true }) as Buffer
}

/** The uncompressed length, which a raw block begins with, as a varint. */
function announcedSize(compressed: Buffer): number {
  let size = 0
  for (let at = 0; at < 5; at++) {
    const byte = compressed.readUInt8(at)
    size += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return size
  }
  throw new RangeError('a snappy block without a length')
}
