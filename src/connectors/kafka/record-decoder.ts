import { type Headers, noHeaders } from '../../definition/headers.js'
import type { DecodeContext, Decoder } from '../../definition/serde.js'
import type { SourceRecord } from '../../definition/source.js'

type Record = SourceRecord<Uint8Array | null>

/** Hands a record's value to `decoder`. A null value is for nullable ones only. */
export function valueDecoder<T>(topic: string, decoder: Decoder<T>): (record: Record) => T | Promise<T> {
  return (record) => {
    const { value } = record
    if (value !== null) return decoder.decode(value, new RecordContext(topic, record, false))
    if (decoder.nullable !== true)
      throw new Error('a tombstone (null value); wrap the serde in nullable() to accept it')
    return null as T // what a nullable decoder's T includes
  }
}

/** Hands a record's key to `decoder`, which must answer at once: state is looked up by it. */
export function keyDecoder<K>(topic: string, decoder: Decoder<K>): (record: Record) => K {
  return (record) => {
    const bytes = record.key
    if (bytes === null) {
      if (decoder.nullable !== true)
        throw new Error('a record without a key; wrap the key serde in nullable() to accept it')
      return null as K
    }
    const key = decoder.decode(bytes, new RecordContext(topic, record, true))
    if (key instanceof Promise) throw new TypeError('the key serde returned a promise; key serdes must be synchronous')
    return key
  }
}

/** Headers are made only if the serde looks at them. */
class RecordContext implements DecodeContext {
  readonly topic: string
  readonly isKey: boolean
  private readonly record: Record

  constructor(topic: string, record: Record, isKey: boolean) {
    this.topic = topic
    this.record = record
    this.isKey = isKey
  }

  get headers(): Headers {
    return this.record.headers ?? noHeaders
  }
}
