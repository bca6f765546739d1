import { decompressFrameSync } from 'lz4-napi'
import { checkSize } from './limit.js'

const MAGIC = 0x184d2204
/** Bytes that a block may come to, by the block-size number in the frame's header. */
const BLOCK_SIZES: Readonly<Record<number, number>> = { 4: 64 * 1024, 5: 256 * 1024, 6: 1024 ** 2, 7: 4 * 1024 ** 2 }

/** Undoes one LZ4 frame, as the Java client writes it. */
export function unlz4(compressed: Buffer, limit: number): Buffer {
  const { size, end } = measure(compressed)
  checkSize(size, limit)
  return decompressFrameSync(compressed.subarray(0, end))
}

/** Where the frame ends, and what its blocks can come to: LZ4 makes at most 255 bytes of one, and no more than a block holds. */
function measure(frame: Buffer): { size: number; end: number } {
  if (frame.readUInt32LE(0) !== MAGIC) throw new RangeError('not an LZ4 frame')
  const flags = frame.readUInt8(4)
  const blockSize = BLOCK_SIZES[(frame.readUInt8(5) >> 4) & 7]
  if (blockSize === undefined) throw new RangeError('an LZ4 frame of unknown block size')
  const blockChecksum = flags & 0x10 ? 4 : 0
  const contentChecksum = flags & 0x04 ? 4 : 0
  let at = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0)
  let size = 0
  for (;;) {
    const stored = frame.readUInt32LE(at) & 0x7fffffff
    // Also where it says "not compressed": so does the Java client.
    if (stored === 0) return { size, end: at + 4 + contentChecksum }
    size += Math.min(blockSize, stored * 255)
    at += 4 + stored + blockChecksum
  }
}
