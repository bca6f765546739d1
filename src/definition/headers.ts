/** Header names and values in their order; names may repeat. */
export interface Headers extends Iterable<readonly [name: string, value: Uint8Array]> {
  /** The last value of that name as UTF-8 text, as Kafka's `lastHeader`. */
  get(name: string): string | undefined
  /** All values of that name, in order. */
  all(name: string): readonly Uint8Array[]
}

const utf8 = new TextDecoder()

/** Headers over name/value pairs that are at hand. */
export function headersOf(pairs: readonly (readonly [string, Uint8Array])[]): Headers {
  return pairs.length === 0 ? noHeaders : new PairHeaders(pairs)
}

class PairHeaders implements Headers {
  private readonly pairs: readonly (readonly [string, Uint8Array])[]

  constructor(pairs: readonly (readonly [string, Uint8Array])[]) {
    this.pairs = pairs
  }

  [Symbol.iterator](): Iterator<readonly [string, Uint8Array]> {
    return this.pairs[Symbol.iterator]()
  }

  get(name: string): string | undefined {
    const value = this.pairs.findLast(([n]) => n === name)?.[1]
    return value === undefined ? undefined : utf8.decode(value)
  }

  all(name: string): readonly Uint8Array[] {
    return this.pairs.filter(([n]) => n === name).map(([, value]) => value)
  }
}

/** What a record without headers has. */
export const noHeaders: Headers = new PairHeaders([])
