/**
 * The chained digest over a ledger's outputs: each output mixes its length and bytes into 128 bits of state, so that the
 * value after n outputs is the same however they were cut into commits, and can be carried in a receipt at any point.
 * It finds outputs that differ by accident (PROTOCOL §3.2); it is no defence against somebody who forges them.
 * Four lanes after MurmurHash3_x86_128 (Austin Appleby, public domain).
 */
export class ChainedDigest {
  private a: number
  private b: number
  private c: number
  private d: number

  /** From a value of `toString`, or from the start of a generation. */
  constructor(value: string = EMPTY_DIGEST) {
    this.a = Number.parseInt(value.slice(0, 8), 16) | 0
    this.b = Number.parseInt(value.slice(8, 16), 16) | 0
    this.c = Number.parseInt(value.slice(16, 24), 16) | 0
    this.d = Number.parseInt(value.slice(24, 32), 16) | 0
  }

  /** Chains one output. `tag` tells outputs of different sinks of one ledger apart. */
  update(bytes: Uint8Array, tag: number): void {
    let { a, b, c, d } = this
    const length = bytes.length
    // The constants make an output of nothing count, at a generation's start too.
    a = (Math.imul(a ^ length, 0x9e3779b1) + 0x7f4a7c15) | 0
    b = (Math.imul(b ^ tag, 0x85ebca77) + 0x165667b1) | 0
    let i = 0
    for (const end = length - 15; i < end; i += 16) {
      a ^= scramble(word(bytes, i), C1, 15, C2)
      a = (Math.imul(rotate(a, 19) + b, 5) + 0x561ccd1b) | 0
      b ^= scramble(word(bytes, i + 4), C2, 16, C3)
      b = (Math.imul(rotate(b, 17) + c, 5) + 0x0bcaa747) | 0
      c ^= scramble(word(bytes, i + 8), C3, 17, C4)
      c = (Math.imul(rotate(c, 15) + d, 5) + 0x96cd1c35) | 0
      d ^= scramble(word(bytes, i + 12), C4, 18, C1)
      d = (Math.imul(rotate(d, 13) + a, 5) + 0x32ac3b17) | 0
    }
    for (; i < length; i++) {
      a = Math.imul(a ^ (bytes[i] ?? 0), C1)
      b = (Math.imul(rotate(b ^ a, 17) + c, 5) + 0x0bcaa747) | 0
      c = (Math.imul(rotate(c ^ b, 15) + d, 5) + 0x96cd1c35) | 0
      d = (Math.imul(rotate(d ^ c, 13) + a, 5) + 0x32ac3b17) | 0
    }
    this.a = avalanche((a + b) | 0)
    this.b = avalanche((b + c) | 0)
    this.c = avalanche((c + d) | 0)
    this.d = avalanche((d + this.a) | 0)
  }

  /** 32 hexadecimal digits. */
  toString(): string {
    return hex(this.a) + hex(this.b) + hex(this.c) + hex(this.d)
  }
}

/** The digest of no outputs: a generation's start. */
export const EMPTY_DIGEST = '0'.repeat(32)

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))
const scramble = (k: number, by: number, turn: number, then: number): number =>
  Math.imul(rotate(Math.imul(k, by), turn), then)

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}

function avalanche(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

const hex = (x: number): string => (x >>> 0).toString(16).padStart(8, '0')
