import { sizeOfVarint, writeVarint } from './varint-writer.js'

/** Headers by name; a list gives the name several times. Written in the order of the properties. */
export type HeaderValues = Readonly<Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>>

/** Headers as bytes, and how much room they take in a record. */
export interface EncodedHeaders {
  readonly size: number
  readonly pairs: readonly (readonly [name: Uint8Array, value: Uint8Array])[]
}

/** Throws a TypeError for what is no header. */
export function headerBytes(headers: HeaderValues): EncodedHeaders {
  const pairs: [Uint8Array, Uint8Array][] = []
  let size = 0
  const add = (name: string, value: unknown): void => {
    const key = Buffer.from(name)
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`header '${name}' must be a string or bytes`)
    size += sizeOfVarint(key.length) + key.length + sizeOfVarint(bytes.length) + bytes.length
    pairs.push([key, bytes])
  }
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value)) for (const one of value as readonly unknown[]) add(name, one)
    else add(name, value)
  }
  return { size: size + sizeOfVarint(pairs.length), pairs }
}

export function writeHeaders(to: Buffer, at: number, { pairs }: EncodedHeaders): void {
  let end = writeVarint(to, at, pairs.length)
  for (const pair of pairs) {
    for (const bytes of pair) {
      end = writeVarint(to, end, bytes.length)
      to.set(bytes, end)
      end += bytes.length
    }
  }
}
