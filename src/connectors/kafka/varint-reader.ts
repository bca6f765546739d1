/** Reads zigzag varints, the numbers within record batches. Throws a RangeError past the end and for one that is too long. */
export class VarintReader {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  /** At most 32 bits. */
  varint(): number {
    const byte = this.bytes[this.at]
    if (byte !== undefined && byte < 0x80) {
      this.at++
      return (byte >>> 1) ^ -(byte & 1)
    }
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const next = this.byte()
      if (shift === 28 && next > 0x0f) break
      raw |= (next & 0x7f) << shift
      if (next < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    throw new RangeError('a varint of more than 32 bits')
  }

  /** At most 64 bits; exact up to 2^53, the nearest number above. */
  varlong(): number {
    const byte = this.bytes[this.at]
    if (byte !== undefined && byte < 0x80) {
      this.at++
      return (byte >>> 1) ^ -(byte & 1)
    }
    // Half of what is written, since that fits in fewer bits; the odd one is the sign.
    let half = 0
    let odd = 0
    let scale = 0.5
    for (let length = 0; length < 10; length++) {
      const next = this.byte()
      if (length === 0) odd = next & 1
      if (length === 9 && next > 1) break
      half += (next & (length === 0 ? 0x7e : 0x7f)) * scale
      if (next < 0x80) return odd === 0 ? half : -half - 1
      scale *= 128
    }
    throw new RangeError('a varint of more than 64 bits')
  }

  private byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new RangeError('a number past the end')
    return byte
  }
}
