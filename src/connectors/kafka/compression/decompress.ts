import { gunzipSync } from 'node:zlib'
import { unlz4 } from './lz4.js'
import { unsnappy } from './snappy.js'
import { unzstd } from './zstd.js'

/** Bytes that one batch may decompress to. Producers' batches are some MiB; more is damage or malice. */
export const MAX_DECOMPRESSED = 256 * 1024 ** 2

/** Undoes one codec. Throws where the bytes are none of its, or come to more than `limit` bytes. */
export type Decompress = (compressed: Buffer, limit: number) => Buffer

/** By the codec number in a batch's attributes. 0 is none. */
const codecs: readonly (Decompress | undefined)[] = [undefined, gunzip, unsnappy, unlz4, unzstd]

/** The codec of that number; undefined if there is none of that number. */
export function codecOf(number: number): Decompress | undefined {
  return codecs[number]
}

function gunzip(compressed: Buffer, limit: number): Buffer {
  return gunzipSync(compressed, { maxOutputLength: limit })
}
