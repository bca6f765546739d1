import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from 'node:zlib'
import { LEVEL } from './segment.js'

/** Smaller ones are faster done than handed to another thread. */
const SMALL_BYTES = 32 * 1024

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** A segment as a state backend has it. */
export interface Blob {
  /** The SHA-256 of its bytes, hexadecimal. */
  readonly key: string
  readonly bytes: Uint8Array
}

export async function blobOf(raw: Uint8Array): Promise<Blob> {
  const options = { level: LEVEL }
  const bytes = raw.length <= SMALL_BYTES ? deflateRawSync(raw, options) : await deflate(raw, options)
  return { key: hashOf(bytes), bytes }
}

/** What was made into it. Throws a `RangeError` where that isn't what was found under its key. */
export async function rawOf({ key, bytes }: Blob): Promise<Uint8Array> {
  const found = hashOf(bytes)
  if (found !== key) throw new RangeError(`its SHA-256 is ${found}`)
  return await inflated(bytes)
}

export async function inflated(bytes: Uint8Array): Promise<Uint8Array> {
  return bytes.length <= SMALL_BYTES ? inflateRawSync(bytes) : await inflate(bytes)
}

/** The key of these bytes. */
export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
