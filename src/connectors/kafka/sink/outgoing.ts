import type { Encoder } from '../../../definition/serde.js'
import type { Output } from '../../../definition/sink.js'
import type { EpochMs } from '../../../units.js'
import type { Codec } from '../compression/compress.js'
import { headerBytes, type HeaderValues, writeHeaders } from './header-bytes.js'
import { keyHash } from './murmur2.js'
import { Slab } from './slab.js'
import { sizeOfVarint, writeVarint } from './varint-writer.js'

/** How one sink makes records. */
export interface RecordSettings<T> {
  readonly topic: string | ((value: T) => string)
  readonly value: Encoder<T>
  readonly key: ((value: T, output: Output<T>) => string | Uint8Array | null) | undefined
  readonly headers: ((value: T, output: Output<T>) => HeaderValues) | undefined
  readonly timestamp: ((value: T, output: Output<T>) => Date | EpochMs) | undefined
  readonly partition: ((value: T, partitions: number) => number) | undefined
  readonly codec: Codec
}

/** No key: the record goes to the partition that has the task's own number. */
export const KEYLESS = -1

/**
 * One record on its way to Kafka. Its bytes are what the digest runs over: time, topic where it depends on the value, and
 * from `at` on the record as it stands in a batch, from its key to its headers.
 */
export class Outgoing {
  readonly topic: string
  readonly timestamp: EpochMs
  readonly bytes: Buffer
  readonly at: number
  /** The key's, or `KEYLESS`. */
  readonly hash: number
  readonly settings: RecordSettings<never>
  /** Kept only for a sink that chooses partitions by it. */
  readonly value: unknown

  constructor(
    topic: string,
    timestamp: EpochMs,
    bytes: Buffer,
    at: number,
    hash: number,
    settings: RecordSettings<never>,
    value: unknown,
  ) {
    this.topic = topic
    this.timestamp = timestamp
    this.bytes = bytes
    this.at = at
    this.hash = hash
    this.settings = settings
    this.value = value
  }
}

const NO_TIME = -1
const TOPIC = /^[A-Za-z0-9._-]{1,249}$/

/** Outputs to records; what it throws makes the record bad. */
export function recordEncoder<T>(settings: RecordSettings<T>): (output: Output<T>) => Outgoing {
  const { topic: topicOf, value: serde, key: keyOf, headers: headersOf, timestamp: timeOf, partition } = settings
  const slab = new Slab()
  const known = new Set<string>()
  const choose = typeof topicOf === 'string' ? null : topicOf
  const fixed = typeof topicOf === 'string' ? topicOf : ''

  const topicFor = (value: T): string => {
    if (choose === null) return fixed
    const topic: unknown = choose(value)
    if (typeof topic === 'string' && known.has(topic)) return topic
    if (typeof topic !== 'string' || !TOPIC.test(topic) || topic === '.' || topic === '..')
      throw new TypeError(`topic returned ${shown(topic)}, which is no name of a topic`)
    if (known.size < 1_000) known.add(topic)
    return topic
  }

  return (output) => {
    const { value } = output
    const topic = topicFor(value)
    const timestamp = timeOf === undefined ? output.timestamp : Number(timeOf(value, output))
    // A record without a time, which Kafka knows as -1, is written as one.
    const isNone = timestamp === NO_TIME && timeOf === undefined
    if (!Number.isSafeInteger(timestamp) || (timestamp < 0 && !isNone))
      throw new TypeError(`timestamp came to ${timestamp}, which is no time since 1970 in ms`)
    const key = keyOf === undefined ? output.key : bytesOf(keyOf(value, output))
    // A tombstone: no serde has a say in it.
    const payload = value === null ? null : serde.encode(value)
    if (payload !== null && !(payload instanceof Uint8Array)) throw new TypeError('the value serde returned no bytes')
    const headers = headersOf === undefined ? null : headerBytes(headersOf(value, output))

    const prefix = 8 + (choose === null ? 0 : topic.length)
    const keySize = key === null ? 1 : sizeOfVarint(key.length) + key.length
    const valueSize = payload === null ? 1 : sizeOfVarint(payload.length) + payload.length
    const bytes = slab.take(prefix + keySize + valueSize + (headers === null ? 1 : headers.size))
    bytes.writeDoubleBE(timestamp, 0)
    if (choose !== null) bytes.write(topic, 8, 'latin1')
    let at = writeBytes(bytes, prefix, key)
    at = writeBytes(bytes, at, payload)
    if (headers === null) bytes[at] = 0
    else writeHeaders(bytes, at, headers)
    const hash = key === null ? KEYLESS : keyHash(key)
    return new Outgoing(topic, timestamp, bytes, prefix, hash, settings, partition === undefined ? undefined : value)
  }
}

function writeBytes(to: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(to, at, -1)
  const start = writeVarint(to, at, bytes.length)
  to.set(bytes, start)
  return start + bytes.length
}

function bytesOf(key: unknown): Uint8Array | null {
  if (key === null || key instanceof Uint8Array) return key
  if (typeof key === 'string') return Buffer.from(key)
  throw new TypeError(`key returned ${shown(key)}: it must be a string, bytes or null`)
}

/** Of what type, never the value itself. */
const shown = (value: unknown): string => (value === undefined ? 'undefined' : `a ${typeof value}`)
