import type { AnySourceDefinition } from '../definition/define-source.js'
import type { Headers } from '../definition/headers.js'
import type { PollLimits, Sender, SourceBatch, SourceReader, SourceRecord } from '../definition/source.js'
import { Bell } from '../engine/bell.js'
import type { EpochMs } from '../units.js'

/** A value that needs no decoding, and the key it was sent with. */
class Sent {
  readonly value: unknown
  readonly key: unknown

  constructor(value: unknown, key: unknown) {
    this.value = value
    this.key = key
  }
}

/** What is common to values and bytes that a test sends. */
export interface SentAs {
  readonly key: Uint8Array | null
  readonly timestamp: EpochMs
  readonly headers?: Headers
  readonly sender?: Sender | undefined
}

/** Stands in for one partition of a source: keeps what the test sends, and lets readers read it from any position. */
export class TestPartition {
  readonly #records: SourceRecord<unknown>[] = []
  readonly #readers = new Set<Bell>()

  /** The position behind the last record. */
  get end(): string {
    return String(this.#records.length)
  }

  send(value: unknown, typedKey: unknown, as: SentAs): void {
    this.sendRaw(new Sent(value, typedKey), as)
  }

  /** What the source itself would have read: its own `decode` gets it. */
  sendRaw(value: unknown, as: SentAs): void {
    const at = this.#records.length
    this.#records.push({ ...as, position: String(at), next: String(at + 1), value })
    for (const bell of this.#readers) bell.ring()
  }

  open(position: number): SourceReader<unknown> {
    const bell = new Bell()
    this.#readers.add(bell)
    let next = position
    return {
      poll: async ({ maxRecords, maxWaitMs, signal }: PollLimits): Promise<SourceBatch<unknown>> => {
        const wake = (): void => bell.ring()
        signal.addEventListener('abort', wake, { once: true })
        if (next >= this.#records.length && !signal.aborted) await bell.wait(maxWaitMs)
        signal.removeEventListener('abort', wake)
        signal.throwIfAborted()
        const records = this.#records.slice(next, next + maxRecords)
        next += records.length
        return { records, next: String(next), lag: this.#records.length - next }
      },
      close: async () => void this.#readers.delete(bell),
    }
  }
}

/** A source of the same values that reads from `partitions` and decodes only what came as bytes. */
export function testSource(
  source: AnySourceDefinition,
  partition: (number: number) => TestPartition,
): AnySourceDefinition {
  const { key } = source
  return {
    kind: source.kind,
    replayable: true,
    async partitions() {
      return 1
    },
    // Those that nothing is sent to say nothing: one is waited for.
    ...(source.senders !== undefined && { senders: () => Promise.resolve(1) }),
    async bounds(ctx) {
      return { start: '0', end: partition(ctx.partition).end }
    },
    async open(ctx) {
      return partition(ctx.partition).open(Number(ctx.position))
    },
    decode: (record) => (record.value instanceof Sent ? record.value.value : source.decode(record)),
    ...(key !== undefined && {
      key: (record: SourceRecord<unknown>) => (record.value instanceof Sent ? record.value.key : key(record)),
    }),
  }
}
