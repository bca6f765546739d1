import type { Serde } from '../serde.js'
import { textOf } from './utf8.js'

const serde: Serde<string> = Object.freeze({
  decode: (bytes: Uint8Array) => {
    const value = textOf(bytes)
    if (value === null) throw new Error(`not UTF-8 text (${bytes.byteLength} bytes)`)
    return value
  },
  encode: (value: string) => Buffer.from(value, 'utf8'),
})

/** UTF-8 text. Bytes that are none make the record a bad record, instead of being replaced. */
export function text(): Serde<string> {
  return serde
}
