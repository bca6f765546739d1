import type { Headers } from '../../definition/headers.js'
import { VarintReader } from './varint-reader.js'

/** The headers of one record, read from its bytes when asked for. A null value reads as no bytes. */
export class RecordHeaders implements Headers {
  private readonly bytes: Buffer
  private readonly at: number
  private readonly count: number

  constructor(bytes: Buffer, at: number, count: number) {
    this.bytes = bytes
    this.at = at
    this.count = count
  }

  *[Symbol.iterator](): Iterator<readonly [string, Uint8Array]> {
    const reader = new VarintReader(this.bytes, this.at)
    for (let left = this.count; left > 0; left--) {
      const name = this.take(reader).toString()
      yield [name, this.take(reader)]
    }
  }

  get(name: string): string | undefined {
    const value = this.all(name).at(-1)
    return value === undefined ? undefined : Buffer.from(value.buffer, value.byteOffset, value.length).toString()
  }

  all(name: string): readonly Uint8Array[] {
    const values: Uint8Array[] = []
    for (const [candidate, value] of this) if (candidate === name) values.push(value)
    return values
  }

  private take(reader: VarintReader): Buffer {
    const length = Math.max(0, reader.varint())
    const start = reader.at
    reader.at = start + length
    return this.bytes.subarray(start, reader.at)
  }
}
