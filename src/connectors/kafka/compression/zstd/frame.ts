import { checkSize } from '../limit.js'
import { type FrameState, readBlock, type Target } from './block.js'

const MAGIC = 0xfd2fb528
/** The last four bits are anything. */
const SKIPPABLE = 0x184d2a50
const MOST_OF_A_BLOCK = 128 * 1024
/** So that no bit reader looks past the end. */
const PADDING = 8

const RAW = 0
const SAME = 1
const COMPRESSED = 2

/**
 * Undoes zstd (RFC 8878), frame after frame, and refuses what doesn't hold to it. A checksum of the contents isn't looked
 * at: batches have their own. Memory is taken for what has come out so far, never for what is announced.
 */
export function readFrames(compressed: Buffer, limit: number): Buffer {
  const end = compressed.length
  const bytes = Buffer.concat([compressed, Buffer.alloc(PADDING)])
  const target: Target = { bytes: Buffer.allocUnsafe(0), size: 0 }
  let at = 0
  do at = isSkippable(bytes, at, end) ? skipped(bytes, at, end) : frameAt(bytes, at, end, limit, target)
  while (at < end)
  return target.bytes.subarray(0, target.size)
}

function isSkippable(bytes: Buffer, at: number, end: number): boolean {
  return at + 8 <= end && (bytes.readUInt32LE(at) & ~15) >>> 0 === SKIPPABLE
}

function skipped(bytes: Buffer, at: number, end: number): number {
  const next = at + 8 + bytes.readUInt32LE(at + 4)
  if (next > end) throw new RangeError('a skippable zstd frame that ends early')
  return next
}

interface Header {
  readonly window: number
  /** Null: not told. */
  readonly size: number | null
  readonly checksum: boolean
  readonly end: number
}

function headerAt(bytes: Buffer, start: number, end: number): Header {
  if (start + 6 > end || bytes.readUInt32LE(start) !== MAGIC) throw new RangeError('not a zstd frame')
  const descriptor = bytes[start + 4]!
  if ((descriptor & 8) !== 0) throw new RangeError('an unknown kind of zstd frame')
  const single = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const dictionaryAt = start + (single ? 5 : 6)
  const sizeAt = dictionaryAt + dictionaryBytes
  const stop = sizeAt + sizeBytes
  if (stop > end) throw new RangeError('a zstd frame that ends within its header')
  if (dictionaryBytes > 0 && bytes.readUIntLE(dictionaryAt, dictionaryBytes) !== 0)
    throw new RangeError('a zstd frame that needs a dictionary')
  const told =
    sizeBytes === 8 ? Number(bytes.readBigUInt64LE(sizeAt)) : sizeBytes > 0 ? bytes.readUIntLE(sizeAt, sizeBytes) : 0
  const size = sizeBytes === 0 ? null : told + (sizeBytes === 2 ? 256 : 0)
  const exponent = bytes[start + 5]! >> 3
  const window = single ? told + (sizeBytes === 2 ? 256 : 0) : 2 ** (10 + exponent) * (1 + (bytes[start + 5]! & 7) / 8)
  return { window, size, checksum: (descriptor & 4) !== 0, end: stop }
}

/** Decodes the frame at `start`; returns where it ends. */
function frameAt(bytes: Buffer, start: number, end: number, limit: number, target: Target): number {
  const header = headerAt(bytes, start, end)
  checkSize(Math.max(header.window, header.size ?? 0), limit)
  const frame: FrameState = {
    start: target.size,
    window: header.window,
    blockMax: Math.min(header.window, MOST_OF_A_BLOCK),
    offsets: [1, 4, 8],
    huffman: null,
    tables: null,
  }
  let at = header.end
  for (let last = false; !last;) {
    if (at + 3 > end) throw new RangeError('a zstd frame that ends early')
    const head = bytes.readUIntLE(at, 3)
    last = (head & 1) !== 0
    const [type, size] = [(head >> 1) & 3, head >> 3]
    const from = at + 3
    at = from + (type === SAME ? 1 : size)
    if (at > end || size > frame.blockMax) throw new RangeError('a zstd block longer than its frame')
    makeRoom(target, type === COMPRESSED ? frame.blockMax : size)
    if (type === RAW) target.size += bytes.copy(target.bytes, target.size, from, at)
    else if (type === SAME) target.bytes.fill(bytes[from]!, target.size, (target.size += size))
    else if (type === COMPRESSED) readBlock(bytes, from, at, frame, target)
    else throw new RangeError('an unknown kind of zstd block')
    checkSize(target.size, limit)
  }
  if (header.size !== null && target.size - frame.start !== header.size)
    throw new RangeError('a zstd frame of another size than it says')
  at += header.checksum ? 4 : 0
  if (at > end) throw new RangeError('a zstd frame that ends before its checksum')
  return at
}

function makeRoom(target: Target, more: number): void {
  const { bytes, size } = target
  if (size + more <= bytes.length) return
  target.bytes = Buffer.allocUnsafe(Math.max(size + more, 2 * bytes.length))
  bytes.copy(target.bytes, 0, 0, size)
}
