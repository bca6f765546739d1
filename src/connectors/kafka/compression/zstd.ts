import zlib from 'node:zlib'
import { readFrames } from './zstd/frame.js'

/** From Node 22.15 on. */
const native = (
  zlib as { readonly zstdDecompressSync?: (compressed: Buffer, options: { maxOutputLength: number }) => Buffer }
).zstdDecompressSync

/** Undoes zstd, in Node's own code where it has it, else in JavaScript. */
export function unzstd(compressed: Buffer, limit: number): Buffer {
  return native === undefined ? readFrames(compressed, limit) : native(compressed, { maxOutputLength: limit })
}
