import { gzipSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'

/** What batches can be compressed with. */
export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4'

/** Of the records of one batch, as the Java client reads it. */
export function compress(codec: Exclude<Codec, 'none'>, plain: Buffer): Buffer {
  if (codec === 'gzip') return gzipSync(plain)
  return codec === 'lz4' ? compressFrameSync(plain) : xerialSnappy(plain)
}

/** One block in the Java client's framing: magic, version 1, compatible with 1, length. */
function xerialSnappy(plain: Buffer): Buffer {
  const block = compressSync(plain)
  const head = Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\0', 'latin1')
  head.writeUInt32BE(block.length, 16)
  return Buffer.concat([head, block])
}
