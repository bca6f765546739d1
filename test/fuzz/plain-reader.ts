/** What a plain reader throws for anything that isn't as it has to be. */
export class Refused extends Error {}

export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Refused(what)
}

/** Takes one thing after the other from bytes, each checked against their end. */
export class PlainReader {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  take(count: number): Uint8Array {
    must(count >= 0 && count <= this.left, `${count} bytes are wanted and ${this.left} left`)
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  byte(): number {
    return this.take(1)[0]!
  }

  littleEndian(count: number): number {
    return this.take(count).reduceRight((sum, byte) => sum * 256 + byte, 0)
  }

  bigEndian(count: number): number {
    return this.take(count).reduce((sum, byte) => sum * 256 + byte, 0)
  }

  /** Unsigned, seven bits a byte, the lowest first. */
  unsigned(bits: 32 | 64): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.byte())
      value |= (byte & 0x7fn) << shift
      must(value < 1n << BigInt(bits), `a number of more than ${bits} bits`)
      if (byte < 0x80n) return value
      must(shift + 7n < bits, `a number of too many bytes`)
    }
  }

  /** Zigzag. */
  signed(bits: 32 | 64): bigint {
    const raw = this.unsigned(bits)
    return raw % 2n === 0n ? raw / 2n : -(raw + 1n) / 2n
  }
}
