import { type Headers, headersOf } from '../../../definition/headers.js'
import type { Sender, SourceRecord } from '../../../definition/source.js'
import type { EpochMs } from '../../../units.js'
import type { HeaderValues } from '../sink/header-bytes.js'

/** Headers that begin so are the channel's own. */
const OWN = 'tidemark-'
/** The record's time, as 8 bytes. Kafka's own timestamp says when it was written: retention goes by that. */
const TIME = 'tidemark-time'
/** Whose task has written it, and how far event time had come there: 4 bytes and 8. */
const WATERMARK = 'tidemark-watermark'

/** What a record carries through a channel beside key and value. */
export function channelHeaders(timestamp: EpochMs, sender: Sender | undefined, headers: Headers): HeaderValues {
  const time = Buffer.allocUnsafe(8)
  time.writeDoubleBE(timestamp)
  // Names come from anybody's records: one may be called as a method of every object.
  const all = Object.create(null) as Record<string, Uint8Array[]>
  all[TIME] = [time]
  if (sender !== undefined) {
    const said = Buffer.allocUnsafe(12)
    said.writeInt32BE(sender.partition)
    said.writeDoubleBE(sender.watermark, 4)
    all[WATERMARK] = [said]
  }
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
    return this.own(TIME, 8)?.getFloat64(0) ?? this.record.timestamp ?? 0
  }

  get sender(): Sender | undefined {
    const said = this.own(WATERMARK, 12)
    return said === null ? undefined : { partition: said.getInt32(0), watermark: said.getFloat64(4) }
  }

  /** They come first, but for names that are numbers. */
  private own(wanted: string, length: number): DataView | null {
    for (const [name, bytes] of this.record.headers ?? []) {
      if (name === wanted && bytes.length === length) return new DataView(bytes.buffer, bytes.byteOffset, length)
    }
    return null
  }

  get headers(): Headers {
    return headersOf([...(this.record.headers ?? [])].filter(([name]) => !name.startsWith(OWN)))
  }
}
