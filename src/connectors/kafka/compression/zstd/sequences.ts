import { BackwardBits } from './bits.js'
import { FseState, type FseTable, readTable, singleSymbol, tableOf } from './fse.js'

/** What a kind of number in sequences is made of: a code from a table, and bits beside it. */
interface Kind {
  readonly most: { readonly accuracy: number; readonly symbol: number }
  readonly predefined: FseTable
}

const kinds: readonly Kind[] = [
  // Literal lengths, offsets, match lengths: the order in which their tables come (RFC 8878, 3.1.1.3.2.2).
  {
    most: { accuracy: 9, symbol: 35 },
    predefined: tableOf(
      [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
      6,
    ),
  },
  {
    most: { accuracy: 8, symbol: 31 },
    predefined: tableOf(
      [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
      5,
    ),
  },
  {
    most: { accuracy: 9, symbol: 52 },
    predefined: tableOf(
      [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
      ],
      6,
    ),
  },
]

const literalBits = Array<number>(16)
  .fill(0)
  .concat([1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
const matchBits = Array<number>(32)
  .fill(0)
  .concat([1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
const literalBases = basesOf(literalBits, 0)
const matchBases = basesOf(matchBits, 3)

function basesOf(bits: readonly number[], first: number): readonly number[] {
  let next = first
  return bits.map((count) => {
    const base = next
    next += 2 ** count
    return base
  })
}

/** Literal lengths, offsets, match lengths. */
export type SequenceTables = readonly [FseTable, FseTable, FseTable]

export interface Sequence {
  literals: number
  /** 1 to 3 stand for earlier offsets; above, 3 is to be taken off. */
  offset: number
  match: number
}

/** The sequences of one block, which begin at `start` and end at `end`. */
export class Sequences {
  /** For blocks that follow and want them again; null where there were none. */
  readonly tables: SequenceTables | null
  private readonly states: readonly [FseState, FseState, FseState] | null
  private readonly stream: BackwardBits | null
  private readonly current: Sequence = { literals: 0, offset: 0, match: 0 }
  private left: number

  constructor(bytes: Uint8Array, start: number, end: number, before: SequenceTables | null) {
    let at = start
    const byte = (): number => {
      if (at >= end) throw new RangeError('a zstd block that ends within its sequences')
      return bytes[at++]!
    }
    const first = byte()
    this.left = first < 128 ? first : first < 255 ? ((first - 128) << 8) + byte() : byte() + (byte() << 8) + 0x7f00
    if (this.left === 0) {
      if (at !== end) throw new RangeError('bytes after the last of a zstd block')
      ;[this.tables, this.states, this.stream] = [before, null, null]
      return
    }
    const modes = byte()
    if ((modes & 3) !== 0) throw new RangeError('an unknown kind of zstd sequences')
    const tables = kinds.map(({ most, predefined }, i): FseTable => {
      const mode = (modes >> (6 - 2 * i)) & 3
      if (mode === 0) return predefined
      if (mode === 1) {
        const symbol = byte()
        if (symbol > most.symbol) throw new RangeError('an unknown code in zstd sequences')
        return singleSymbol(symbol)
      }
      if (mode === 3) {
        const again = before?.[i]
        if (again === undefined) throw new RangeError('a zstd table that is not there to be repeated')
        return again
      }
      const described = readTable(bytes, at, end, most)
      at = described.end
      return described.table
    }) as [FseTable, FseTable, FseTable]
    const stream = new BackwardBits(bytes, at, end)
    const [literals, offsets, matches] = tables
    this.states = [new FseState(literals, stream), new FseState(offsets, stream), new FseState(matches, stream)]
    this.tables = tables
    this.stream = stream
  }

  /** The next one, in an object that is used again; null after the last. */
  next(): Sequence | null {
    const { stream, states, current } = this
    if (this.left === 0 || stream === null || states === null) return null
    const [literals, offsets, matches] = states
    const [offset, match, literal] = [offsets.symbol, matches.symbol, literals.symbol]
    current.offset = 2 ** offset + stream.read(offset)
    current.match = matchBases[match]! + stream.read(matchBits[match]!)
    current.literals = literalBases[literal]! + stream.read(literalBits[literal]!)
    this.left--
    if (this.left > 0) {
      literals.move()
      matches.move()
      offsets.move()
    }
    if (this.left === 0 ? stream.left !== 0 : stream.left < 0)
      throw new RangeError('zstd sequences of another length than they say')
    return current
  }
}
