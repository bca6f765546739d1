import type { Serde } from '../serde.js'

const serde: Serde<Uint8Array> = Object.freeze({
  decode: (value: Uint8Array) => value,
  encode: (value: Uint8Array) => value,
})

/** The bytes as they are. What is read is a view of the fetched batch: copy what is to be kept for long, and change nothing in it. */
export function bytes(): Serde<Uint8Array> {
  return serde
}
