import { type BackwardBits, bits32 } from './bits.js'

/** A decoding table of finite state entropy (RFC 8878, 4.1): by state, its symbol and how the next state is found. */
export interface FseTable {
  readonly accuracy: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly bases: Uint16Array
}

/** Where a table's description ends, and the table. */
export interface DescribedTable {
  readonly table: FseTable
  readonly end: number
}

/** The table of one symbol, which takes no bits. */
export function singleSymbol(symbol: number): FseTable {
  return { accuracy: 0, symbols: Uint8Array.of(symbol), bits: Uint8Array.of(0), bases: Uint16Array.of(0) }
}

/** Reads the description of a table that begins at `start` and ends before `end`. */
export function readTable(
  bytes: Uint8Array,
  start: number,
  end: number,
  most: { readonly accuracy: number; readonly symbol: number },
): DescribedTable {
  let at = start * 8
  const read = (count: number): number => {
    const value = (bits32(bytes, at >> 3) >>> (at & 7)) & ((1 << count) - 1)
    at += count
    return value
  }
  const accuracy = read(4) + 5
  if (accuracy > most.accuracy) throw new RangeError('a zstd table of too many states')
  const counts: number[] = []
  let left = 1 << accuracy
  while (left > 0 && at <= end * 8) {
    const width = 32 - Math.clz32(left + 1)
    const low = (1 << (width - 1)) - 1
    const threshold = (1 << width) - 2 - left
    let value = read(width)
    if ((value & low) < threshold) {
      value &= low
      at--
    } else if (value > low) value -= threshold
    const count = value - 1
    left -= Math.abs(count)
    counts.push(count)
    if (count !== 0) continue
    let zeros: number
    do {
      zeros = read(2)
      for (let i = 0; i < zeros; i++) counts.push(0)
    } while (zeros === 3 && counts.length <= most.symbol)
  }
  const stop = (at + 7) >> 3
  if (left !== 0 || stop > end || counts.length > most.symbol + 1)
    throw new RangeError('a zstd table that does not add up')
  return { table: tableOf(counts, accuracy), end: stop }
}

/** `counts`: of the states of each symbol, -1 for one state with the least probability. They add up to all states. */
export function tableOf(counts: readonly number[], accuracy: number): FseTable {
  const size = 1 << accuracy
  const symbols = new Uint8Array(size)
  const nexts = counts.map((count) => Math.abs(count))
  let high = size
  for (const [symbol, count] of counts.entries()) if (count === -1) symbols[--high] = symbol
  const step = (size >> 1) + (size >> 3) + 3
  let at = 0
  for (const [symbol, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      symbols[at] = symbol
      do at = (at + step) & (size - 1)
      while (at >= high)
    }
  }
  const bits = new Uint8Array(size)
  const bases = new Uint16Array(size)
  for (let state = 0; state < size; state++) {
    const next = nexts[symbols[state]!]!++
    bits[state] = accuracy + Math.clz32(next) - 31
    bases[state] = (next << bits[state]!) - size
  }
  return { accuracy, symbols, bits, bases }
}

/** A state that moves through a table, fed by a stream. */
export class FseState {
  private readonly table: FseTable
  private readonly stream: BackwardBits
  private state: number

  constructor(table: FseTable, stream: BackwardBits) {
    this.table = table
    this.stream = stream
    this.state = stream.read(table.accuracy)
  }

  get symbol(): number {
    return this.table.symbols[this.state]!
  }

  move(): void {
    this.state = this.table.bases[this.state]! + this.stream.read(this.table.bits[this.state]!)
  }
}
