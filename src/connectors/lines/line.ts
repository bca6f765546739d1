import type { Encoder } from '../../definition/serde.js'
import type { Output } from '../../definition/sink.js'

/** One output as it goes to disk: `bytes` from `from` on; before that the path, so that the digest covers it too. */
export interface Line {
  /** Sub-directory, with '/' between its parts; '' is the sink's directory itself. */
  readonly path: string
  readonly bytes: Uint8Array
  readonly from: number
}

export interface LineOptions<T> {
  readonly format?: Encoder<T>
  readonly origin?: boolean
  readonly path?: (value: T) => string
}

const NEWLINE = 0x0a

/** How one sink makes lines: chosen once, so that nothing is asked per record. */
export function lineEncoder<T>({ format, origin, path }: LineOptions<T>): (output: Output<T>) => Line {
  const encode =
    format !== undefined
      ? (output: Output<T>) => ended(format.encode(output.value))
      : origin === true
        ? (output: Output<T>) => Buffer.from(withOrigin(output))
        : (output: Output<T>) => Buffer.from(`${json(output.value)}\n`)
  if (path === undefined) return (output) => ({ path: '', bytes: encode(output), from: 0 })
  return (output) => {
    const place = path(output.value)
    const wrong = pathFault(place)
    if (wrong !== null) throw new TypeError(`path ${wrong}, got ${JSON.stringify(place)}`)
    const head = Buffer.from(`${place}\n`)
    return { path: place, bytes: Buffer.concat([head, encode(output)]), from: head.length }
  }
}

function json(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`JSON cannot express ${typeof value}`)
  return text
}

function withOrigin({ origin, value }: Output<unknown>): string {
  const { source, partition, position } = origin
  return `{"origin":${JSON.stringify({ source, partition, position })},"value":${json(value)}}\n`
}

function ended(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) === NEWLINE) return bytes
  const line = Buffer.allocUnsafe(bytes.length + 1)
  line.set(bytes)
  line[bytes.length] = NEWLINE
  return line
}

/** Longest name that common file systems take, in bytes. */
const LONGEST_PART = 255
const LONGEST_PATH = 1_024

/** What is wrong with a sub-directory, as a phrase after its name; null if nothing is. */
export function pathFault(path: unknown): string | null {
  if (typeof path !== 'string') return 'must be a string'
  if (path === '') return null
  if (path.startsWith('/')) return 'must be relative'
  // Backslash and colon would mean something else on another system.
  if (/[\\:\p{Cc}]/u.test(path)) return 'must not hold backslashes, colons or control characters'
  if (Buffer.byteLength(path) > LONGEST_PATH) return `must be at most ${LONGEST_PATH} bytes`
  for (const part of path.split('/')) {
    if (part === '') return 'must not hold empty parts'
    if (part.startsWith('.')) return "must not hold parts that begin with '.'"
    if (Buffer.byteLength(part) > LONGEST_PART) return `must hold no part above ${LONGEST_PART} bytes`
  }
  return null
}
