import type { Headers } from './headers.js'

/** What a serde may know about the bytes it reads. */
export interface DecodeContext {
  readonly topic: string
  readonly headers: Headers
  readonly isKey: boolean
}

/** Bytes to value. A throw makes the record a bad record: see `onError`. Never called with a null value: see `nullable`. */
export interface Decoder<out T> {
  readonly decode: (bytes: Uint8Array, ctx: DecodeContext) => T | Promise<T>
  /** True: a tombstone (null value) reads as `null` instead of making a bad record. */
  readonly nullable?: boolean
}

/** Value to bytes. Must be deterministic: the digest of a receipt runs over these bytes. `null` writes a tombstone. */
export interface Encoder<in T> {
  readonly encode: (value: T) => Uint8Array
}

/** Both ways. `Write` differs from `Read` when a schema transforms. */
export interface Serde<out Read, in Write = Read> extends Decoder<Read>, Encoder<Write> {}
