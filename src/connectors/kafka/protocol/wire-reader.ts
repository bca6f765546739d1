/** Reads the fields of one response body. Throws a RangeError where the body is shorter than it says. */
export class WireReader {
  private readonly body: Buffer
  private at = 0

  constructor(body: Buffer) {
    this.body = body
  }

  int8(): number {
    return this.body.readInt8(this.skip(1))
  }

  int16(): number {
    return this.body.readInt16BE(this.skip(2))
  }

  int32(): number {
    return this.body.readInt32BE(this.skip(4))
  }

  /** Offsets, timestamps and producer ids: all below 2^53 in a working cluster. */
  int64(): number {
    return Number(this.body.readBigInt64BE(this.skip(8)))
  }

  uvarint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.body.readUInt8(this.skip(1))
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw new RangeError('an unsigned varint of more than 5 bytes')
  }

  string(): string {
    return this.take(this.int16()).toString()
  }

  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.take(length).toString()
  }

  /** Null reads as an empty string. */
  compactString(): string {
    return this.compactBytes().toString()
  }

  /** The rest shares the response's memory. Null reads as empty. */
  compactBytes(): Buffer {
    const length = this.uvarint()
    return this.take(length === 0 ? 0 : length - 1)
  }

  uuid(): string {
    return this.take(16).toString('hex')
  }

  compactArray<T>(item: () => T): T[] {
    return this.items(this.uvarint() - 1, item)
  }

  array<T>(item: () => T): T[] {
    return this.items(this.int32(), item)
  }

  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint()
      this.take(this.uvarint())
    }
  }

  /** What hasn't been read yet. */
  rest(): Buffer {
    return this.body.subarray(this.at)
  }

  private items<T>(length: number, item: () => T): T[] {
    const items: T[] = []
    for (let left = length; left > 0; left--) items.push(item())
    return items
  }

  private take(length: number): Buffer {
    const start = this.skip(length)
    return this.body.subarray(start, start + length)
  }

  private skip(length: number): number {
    const start = this.at
    if (length < 0 || start + length > this.body.length)
      throw new RangeError(`a response of ${this.body.length} bytes ends within a field at ${start}`)
    this.at = start + length
    return start
  }
}
