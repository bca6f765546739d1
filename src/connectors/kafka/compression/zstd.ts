import zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import { checkSize } from './limit.js'

/** From Node 22.15 on. */
const native = (
  zlib as { readonly zstdDecompressSync?: (compressed: Buffer, options: { maxOutputLength: number }) => Buffer }
).zstdDecompressSync

/** Undoes zstd, in Node's own code where it has it, else in JavaScript. */
export function unzstd(compressed: Buffer, limit: number): Buffer {
  return native === undefined ? unzstdInJavaScript(compressed, limit) : native(compressed, { maxOutputLength: limit })
}

/** In JavaScript, piece by piece, so that the limit holds before memory is taken. */
export function unzstdInJavaScript(compressed: Buffer, limit: number): Buffer {
  checkSize(windowSize(compressed), limit)
  const pieces: Uint8Array[] = []
  let size = 0
  const stream = new Decompress((piece) => {
    size += piece.length
    checkSize(size, limit)
    pieces.push(piece)
  })
  stream.push(compressed, true)
  return Buffer.concat(pieces, size)
}

/** Memory the frame wants while it is read (RFC 8878, 3.1.1.1): its window, or all of it. */
function windowSize(frame: Buffer): number {
  const descriptor = frame.readUInt8(4)
  const singleSegment = (descriptor & 0x20) !== 0
  if (!singleSegment) {
    const window = frame.readUInt8(5)
    return 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8)
  }
  const at = 5 + [0, 1, 2, 4][descriptor & 3]!
  const width = descriptor >> 6
  if (width === 0) return frame.readUInt8(at)
  if (width === 1) return frame.readUInt16LE(at) + 256
  return width === 2 ? frame.readUInt32LE(at) : Number(frame.readBigUInt64LE(at))
}
