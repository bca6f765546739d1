import { deflateRawSync, inflateRawSync } from 'node:zlib'

/** One entry as a segment has it: `bytes` null says that it is gone. */
export interface SegmentEntry {
  /** `<step id> <table>`. */
  readonly table: string
  readonly key: string
  readonly bytes: Uint8Array | null
}

const FORMAT = 1

/**
 * Gathers changed entries into one segment: `format`, then for each table its name and number of entries, then per entry
 * key, length + 1 (0: gone) and bytes; lengths are LEB128. All of it deflated.
 */
export class SegmentWriter {
  private readonly parts: Uint8Array[] = [Uint8Array.of(FORMAT)]
  entries = 0

  table(name: string, count: number): void {
    this.text(name)
    this.parts.push(varint(count))
  }

  entry(key: string, bytes: Uint8Array | null): void {
    this.entries++
    this.text(key)
    if (bytes === null) this.parts.push(varint(0))
    else this.parts.push(varint(bytes.length + 1), bytes)
  }

  finish(): Uint8Array {
    return deflateRawSync(Buffer.concat(this.parts), { level: 3 })
  }

  private text(text: string): void {
    const bytes = Buffer.from(text)
    this.parts.push(varint(bytes.length), bytes)
  }
}

/** Calls `visit` for each entry of a segment, in its order. Throws a `RangeError` or zlib's error for what is none. */
export function readSegment(segment: Uint8Array, visit: (entry: SegmentEntry) => void): void {
  const bytes = inflateRawSync(segment)
  if (bytes[0] !== FORMAT) throw new RangeError(`format ${bytes[0]} is not ${FORMAT}`)
  let at = 1
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || scale > 2 ** 42) throw new RangeError(`ends within a number, at ${at}`)
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  const take = (length: number): Buffer => {
    const taken = bytes.subarray(at, at + length)
    if (taken.length < length) throw new RangeError(`ends ${length - taken.length} bytes too early`)
    at += length
    return taken
  }
  while (at < bytes.length) {
    const table = take(number()).toString()
    for (let left = number(); left > 0; left--) {
      const key = take(number()).toString()
      const length = number()
      visit({ table, key, bytes: length === 0 ? null : take(length - 1) })
    }
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
