/** Writes the fields of one request body, big-endian, in the protocol's flexible encoding. Small bodies only. */
export class WireWriter {
  private readonly parts: Buffer[] = []

  int8(value: number): this {
    const part = Buffer.allocUnsafe(1)
    part.writeInt8(value)
    return this.add(part)
  }

  int16(value: number): this {
    const part = Buffer.allocUnsafe(2)
    part.writeInt16BE(value)
    return this.add(part)
  }

  int32(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeInt32BE(value)
    return this.add(part)
  }

  int64(value: number): this {
    const part = Buffer.allocUnsafe(8)
    part.writeBigInt64BE(BigInt(value))
    return this.add(part)
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  uvarint(value: number): this {
    const bytes: number[] = []
    let rest = value
    while (rest > 0x7f) {
      bytes.push((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    bytes.push(rest)
    return this.add(Buffer.from(bytes))
  }

  /** A string with its length as int16: what fixed (not flexible) versions want. */
  string(value: string): this {
    const bytes = Buffer.from(value)
    return this.int16(bytes.length).add(bytes)
  }

  compactString(value: string): this {
    const bytes = Buffer.from(value)
    return this.uvarint(bytes.length + 1).add(bytes)
  }

  /** The length of an array whose items follow, in fixed versions. */
  array(length: number): this {
    return this.int32(length)
  }

  /** Null of a fixed version's nullable array or of its bytes. */
  nullArray(): this {
    return this.int32(-1)
  }

  /** Bytes with their length as int32, as they are: they are copied when all is put together, not before. */
  records(bytes: Buffer): this {
    return this.int32(bytes.length).add(bytes)
  }

  uuid(hex: string): this {
    return this.add(Buffer.from(hex, 'hex'))
  }

  /** The length of a compact array whose items follow. */
  compactArray(length: number): this {
    return this.uvarint(length + 1)
  }

  /** No tagged fields. Ends every flexible structure. */
  noTags(): this {
    return this.uvarint(0)
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts)
  }

  private add(part: Buffer): this {
    this.parts.push(part)
    return this
  }
}
