import { type HuffmanTable, readHuffman, readLiterals } from './huffman.js'
import { type SequenceTables, Sequences } from './sequences.js'

/** Where a frame's bytes go. */
export interface Target {
  bytes: Buffer
  /** How many there are. */
  size: number
}

/** What blocks of one frame hand on to those after them. */
export interface FrameState {
  /** Where the frame begins in its target. */
  readonly start: number
  /** Bytes that copies reach back. */
  readonly window: number
  /** Bytes that a block comes to, at most. */
  readonly blockMax: number
  readonly offsets: [number, number, number]
  huffman: HuffmanTable | null
  tables: SequenceTables | null
}

/** Decodes one compressed block (RFC 8878, 3.1.1.3) to the end of `target`, which has room for `blockMax` bytes more. */
export function readBlock(bytes: Uint8Array, start: number, end: number, frame: FrameState, target: Target): void {
  const literals = literalsOf(bytes, start, end, frame)
  const sequences = new Sequences(bytes, literals.end, end, frame.tables)
  frame.tables = sequences.tables
  const { bytes: out } = target
  const last = target.size + frame.blockMax
  let { size } = target
  let taken = 0
  for (let sequence = sequences.next(); sequence !== null; sequence = sequences.next()) {
    const { literals: count, match } = sequence
    if (taken + count > literals.bytes.length || size + count + match > last)
      throw new RangeError('a zstd block that comes to more than it may')
    for (const stop = taken + count; taken < stop;) out[size++] = literals.bytes[taken++]!
    const distance = distanceOf(frame.offsets, sequence.offset, count)
    if (distance < 1 || distance > size - frame.start || distance > frame.window)
      throw new RangeError('a zstd copy from where nothing is')
    for (const stop = size + match; size < stop; size++) out[size] = out[size - distance]!
  }
  if (size + literals.bytes.length - taken > last) throw new RangeError('a zstd block that comes to more than it may')
  out.set(literals.bytes.subarray(taken), size)
  target.size = size + literals.bytes.length - taken
}

/** The distance that an offset stands for, which becomes the newest of the last three (RFC 8878, 3.1.1.5). */
function distanceOf(offsets: FrameState['offsets'], value: number, literals: number): number {
  if (value > 3) {
    offsets[2] = offsets[1]
    offsets[1] = offsets[0]
    return (offsets[0] = value - 3)
  }
  const which = value - 1 + (literals === 0 ? 1 : 0)
  if (which === 0) return offsets[0]
  const distance = which === 3 ? offsets[0] - 1 : offsets[which]!
  if (which > 1) offsets[2] = offsets[1]
  offsets[1] = offsets[0]
  return (offsets[0] = distance)
}

interface Literals {
  readonly bytes: Uint8Array
  /** Where their section ends. */
  readonly end: number
}

const RAW = 0
const SAME = 1
const WITH_TABLE = 2

function literalsOf(bytes: Uint8Array, start: number, end: number, frame: FrameState): Literals {
  if (end - start < 2) throw new RangeError('a zstd block without contents')
  const type = bytes[start]! & 3
  const format = (bytes[start]! >> 2) & 3
  const header = (count: number): number => {
    if (start + count > end) throw new RangeError('a zstd block that ends within its header')
    let value = 0
    for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[start + i]!
    return value
  }
  if (type === RAW || type === SAME) {
    const width = format === 1 ? 2 : format === 3 ? 3 : 1
    const size = header(width) >> (width === 1 ? 3 : 4)
    const stop = start + width + (type === RAW ? size : 1)
    if (size > frame.blockMax || stop > end) throw new RangeError('zstd literals longer than their block')
    const at = start + width
    return { bytes: type === RAW ? bytes.subarray(at, stop) : new Uint8Array(size).fill(bytes[at]!), end: stop }
  }
  const width = format < 2 ? 3 : format + 2
  const bits = format < 2 ? 10 : format === 2 ? 14 : 18
  const value = Math.floor(header(width) / 16)
  const size = value % 2 ** bits
  const at = start + width
  const stop = at + Math.floor(value / 2 ** bits)
  if (size > frame.blockMax || stop > end) throw new RangeError('zstd literals longer than their block')
  return { bytes: codedLiterals(bytes, at, stop, size, { type, streams: format === 0 ? 1 : 4, frame }), end: stop }
}

function codedLiterals(
  bytes: Uint8Array,
  start: number,
  end: number,
  size: number,
  { type, streams, frame }: { readonly type: number; readonly streams: number; readonly frame: FrameState },
): Uint8Array {
  let at = start
  if (type === WITH_TABLE) {
    const described = readHuffman(bytes, start, end)
    frame.huffman = described.table
    at = described.end
  }
  const table = frame.huffman
  if (table === null) throw new RangeError('a Huffman table that is not there to be repeated')
  const out = new Uint8Array(size)
  if (size === 0) throw new RangeError('compressed zstd literals that are none')
  if (streams === 1) {
    readLiterals(table, bytes, at, end, out)
    return out
  }
  const part = (size + 3) >> 2
  if (at + 6 > end || 3 * part > size) throw new RangeError('zstd literals that cannot be four streams')
  let from = at + 6
  for (let i = 0; i < 4; i++) {
    const to = i === 3 ? end : from + bytes[at + 2 * i]! + (bytes[at + 2 * i + 1]! << 8)
    if (to > end) throw new RangeError('a zstd stream longer than its block')
    readLiterals(table, bytes, from, to, out.subarray(i * part, Math.min(size, (i + 1) * part)))
    from = to
  }
  return out
}
