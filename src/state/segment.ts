import { deflateRawSync } from 'node:zlib'

const FORMAT = 1
const FIRST_BYTES = 16 * 1024

/**
 * Gathers changed entries into one segment: `format`, then groups: table, number of entries, then per entry key,
 * length + 1 (0: gone) and bytes; texts have their length before them, lengths are LEB128. All of it deflated.
 */
export class SegmentWriter {
  entries = 0
  private buffer = Buffer.allocUnsafe(FIRST_BYTES)
  private at = 0

  constructor() {
    this.buffer[this.at++] = FORMAT
  }

  /** Not deflated. */
  get bytes(): number {
    return this.at
  }

  /** Begins a group of so many entries: `<step id> <table>`, and its form where it has one. A table may have several. */
  table(name: string, count: number): void {
    this.text(name)
    this.number(count)
  }

  entry(key: string, bytes: Uint8Array | null): void {
    this.entries++
    this.text(key)
    if (bytes === null) return this.number(0)
    this.number(bytes.length + 1)
    this.room(bytes.length)
    this.buffer.set(bytes, this.at)
    this.at += bytes.length
  }

  /** What `finish` deflates. */
  raw(): Uint8Array {
    return this.buffer.subarray(0, this.at)
  }

  finish(): Uint8Array {
    return deflateRawSync(this.raw(), { level: LEVEL })
  }

  private text(text: string): void {
    // Whatever its characters, its length is a single byte then.
    if (text.length > 42) {
      const bytes = Buffer.byteLength(text)
      this.number(bytes)
      this.room(bytes)
      this.at += this.buffer.write(text, this.at)
      return
    }
    this.room(1 + text.length * 3)
    const bytes = this.buffer.write(text, this.at + 1)
    this.buffer[this.at] = bytes
    this.at += 1 + bytes
  }

  private number(value: number): void {
    this.room(8)
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.buffer[this.at++] = (rest % 128) | 128
    this.buffer[this.at++] = rest
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, this.at + bytes))
    larger.set(this.raw())
    this.buffer = larger
  }
}

/** Of deflation: what is stored seldom and read seldom is not worth more. */
export const LEVEL = 3

/** Goes through the entries of a segment, which is no longer deflated. Throws a `RangeError` where it is none. */
export class SegmentReader {
  readonly bytes: Uint8Array
  /** Of the entry at hand: `<step id> <table>`, or with a form behind. */
  table = ''
  key = ''
  /** Where in `bytes` its bytes are; `length` -1: it is gone. */
  from = 0
  length = 0
  private readonly buffer: Buffer
  private at = 1
  /** Entries of the group under way. */
  private left = 0

  constructor(raw: Uint8Array) {
    this.bytes = raw
    this.buffer = Buffer.from(raw.buffer, raw.byteOffset, raw.length)
    if (raw[0] !== FORMAT) throw new RangeError(`format ${raw[0]} is not ${FORMAT}`)
  }

  /** Goes to the next entry; false: there is none. */
  next(): boolean {
    while (this.left === 0) {
      if (this.at >= this.buffer.length) return false
      this.table = this.text()
      this.left = this.number()
    }
    this.left--
    this.key = this.text()
    this.length = this.number() - 1
    this.from = this.at
    if (this.length > 0) this.pass(this.length)
    return true
  }

  private text(): string {
    const length = this.number()
    const from = this.at
    this.pass(length)
    return this.buffer.toString('utf8', from, this.at)
  }

  private number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.buffer[this.at++]
      if (byte === undefined || scale > 2 ** 42) throw new RangeError(`ends within a number, at ${this.at}`)
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  private pass(length: number): void {
    this.at += length
    if (this.at > this.buffer.length) throw new RangeError(`ends ${this.at - this.buffer.length} bytes too early`)
  }
}
