import { BackwardBits, bits32 } from './bits.js'
import { FseState, readTable } from './fse.js'

/** A decoding table of literals (RFC 8878, 4.2): by the next `width` bits, the symbol and how many of them it took. */
export interface HuffmanTable {
  readonly width: number
  readonly symbols: Uint8Array
  readonly lengths: Uint8Array
}

const MOST_BITS = 11
const MOST_WEIGHTS = 255

/** Reads the description of a table that begins at `start` and ends before `end`. */
export function readHuffman(bytes: Uint8Array, start: number, end: number): { table: HuffmanTable; end: number } {
  if (start >= end) throw new RangeError('a zstd block without its Huffman table')
  const head = bytes[start]!
  const direct = head - 127
  const stop = start + 1 + (direct > 0 ? (direct + 1) >> 1 : head)
  if (stop > end) throw new RangeError('a Huffman table longer than its block')
  const weights = direct > 0 ? directWeights(bytes, start + 1, direct) : codedWeights(bytes, start + 1, stop)
  return { table: tableOf(weights), end: stop }
}

function directWeights(bytes: Uint8Array, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    i % 2 === 0 ? bytes[at + (i >> 1)]! >> 4 : bytes[at + (i >> 1)]! & 15,
  )
}

/** Two states take turns, until one would need more bits than are left; the other one has the last symbol. */
function codedWeights(bytes: Uint8Array, start: number, end: number): number[] {
  const described = readTable(bytes, start, end, { accuracy: 6, symbol: 255 })
  const stream = new BackwardBits(bytes, described.end, end)
  const states = [new FseState(described.table, stream), new FseState(described.table, stream)] as const
  if (stream.left < 0) throw new RangeError('Huffman weights that end early')
  const weights: number[] = []
  for (let turn = 0; ; turn ^= 1) {
    const [state, other] = turn === 0 ? states : [states[1], states[0]]
    weights.push(state.symbol)
    state.move()
    if (weights.length >= MOST_WEIGHTS) throw new RangeError('too many Huffman weights')
    if (stream.left >= 0) continue
    weights.push(other.symbol)
    return weights
  }
}

/** The last symbol's weight isn't told: it makes the sum a power of two. */
function tableOf(weights: number[]): HuffmanTable {
  let sum = 0
  for (const weight of weights) {
    if (weight > MOST_BITS) throw new RangeError('a Huffman code that is too long')
    if (weight > 0) sum += 1 << (weight - 1)
  }
  const width = 32 - Math.clz32(sum)
  const rest = (1 << width) - sum
  if (sum === 0 || width > MOST_BITS || (rest & (rest - 1)) !== 0)
    throw new RangeError('Huffman weights that do not add up')
  weights.push(32 - Math.clz32(rest))
  const shortest = weights.filter((weight) => weight === 1).length
  if (shortest < 2 || shortest % 2 !== 0) throw new RangeError('Huffman weights that make no tree')
  const symbols = new Uint8Array(1 << width)
  const lengths = new Uint8Array(1 << width)
  let at = 0
  for (let weight = 1; weight <= width; weight++) {
    for (const [symbol, own] of weights.entries()) {
      if (own !== weight) continue
      const next = at + (1 << (weight - 1))
      symbols.fill(symbol, at, next)
      lengths.fill(width + 1 - weight, at, next)
      at = next
    }
  }
  return { width, symbols, lengths }
}

/** Fills `out` with the literals of the stream from `start` to `end`, which must hold them and nothing else. */
export function readLiterals(
  table: HuffmanTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
): void {
  const { width, symbols, lengths } = table
  const first = start * 8
  const mask = (1 << width) - 1
  let at = first + new BackwardBits(bytes, start, end).left
  for (let i = 0; i < out.length; i++) {
    const low = at - width
    const index = low >= first ? bits32(bytes, low >> 3) >>> (low & 7) : bits32(bytes, start) << (first - low)
    out[i] = symbols[index & mask]!
    at -= lengths[index & mask]!
    if (at < first) break
  }
  if (at !== first) throw new RangeError('zstd literals of another length than they say')
}
