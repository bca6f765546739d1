/** 32 bits from `at` on, the lowest byte first. What lies past the end counts as zeros. */
export function bits32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** Reads from the end of a stream towards its start, as entropy-coded streams are read (RFC 8878, 4.1). */
export class BackwardBits {
  private readonly bytes: Uint8Array
  /** Of the stream's first bit, within `bytes`. */
  private readonly start: number
  /** Behind the next bit to read. Below `start`: more was read than there is, which reads as zeros. */
  private at: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    const last = end > start ? bytes[end - 1]! : 0
    if (last === 0) throw new RangeError('a zstd stream without an end mark')
    this.bytes = bytes
    this.start = start * 8
    this.at = end * 8 - Math.clz32(last) + 23
  }

  /** Bits that are left; below zero where too many were read. */
  get left(): number {
    return this.at - this.start
  }

  /** At most 31 bits. */
  read(count: number): number {
    if (count > 24) return this.read(count - 24) * 2 ** 24 + this.read(24)
    this.at -= count
    const { at, start } = this
    const mask = (1 << count) - 1
    if (at >= start) return (bits32(this.bytes, at >> 3) >>> (at & 7)) & mask
    const beyond = start - at
    return beyond >= count ? 0 : (bits32(this.bytes, start >> 3) << beyond) & mask
  }
}
