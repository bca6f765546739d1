import { type Headers, headersOf } from '../../../definition/headers.js'
import type { SourceRecord } from '../../../definition/source.js'
import type { EpochMs } from '../../../units.js'
import type { HeaderValues } from '../sink/header-bytes.js'

/** Headers that begin so are the channel's own. */
const OWN = 'tidemark-'
/** The record's time, as 8 bytes. Kafka's own timestamp says when it was written: retention goes by that. */
const TIME = 'tidemark-time'

/** What a record carries through a channel beside key and value. */
export function channelHeaders(timestamp: EpochMs, headers: Headers): HeaderValues {
  const time = Buffer.allocUnsafe(8)
  time.writeDoubleBE(timestamp)
  const all: Record<string, Uint8Array[]> = { [TIME]: [time] }
  for (const [name, value] of headers) if (!name.startsWith(OWN)) (all[name] ??= []).push(value)
  return all
}

/** A record as it was before the channel: with its own time and headers. */
export class ChannelRecord implements SourceRecord<Uint8Array | null> {
  private readonly record: SourceRecord<Uint8Array | null>

  constructor(record: SourceRecord<Uint8Array | null>) {
    this.record = record
  }

  get position(): string {
    return this.record.position
  }

  get next(): string {
    return this.record.next
  }

  get key(): Uint8Array | null {
    return this.record.key
  }

  get value(): Uint8Array | null {
    return this.record.value
  }

  get timestamp(): EpochMs {
    for (const [name, bytes] of this.record.headers ?? []) {
      if (name !== TIME || bytes.length !== 8) continue
      return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0)
    }
    return this.record.timestamp ?? 0
  }

  get headers(): Headers {
    return headersOf([...(this.record.headers ?? [])].filter(([name]) => !name.startsWith(OWN)))
  }
}
