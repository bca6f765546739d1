import type { Decoder, Encoder, Serde } from '../serde.js'

/**
 * Lets a tombstone (a null value) through as `null`; without it a tombstone is a bad record. Where it writes, `null`
 * becomes a tombstone: the sink leaves the bytes out, and does not call `encode`.
 */
export function nullable<R, W>(serde: Serde<R, W>): Serde<R | null, W | null>
export function nullable<R>(decoder: Decoder<R>): Decoder<R | null>
export function nullable(serde: Decoder<unknown> & Partial<Encoder<unknown>>): Decoder<unknown> {
  const { encode } = serde
  return Object.freeze({
    nullable: true,
    decode: serde.decode,
    ...(encode !== undefined && {
      encode: (value: unknown) => {
        if (value === null) throw new Error('null has no bytes: it is written as a tombstone')
        return encode(value)
      },
    }),
  })
}
