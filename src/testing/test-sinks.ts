import type { ChannelSpec } from '../definition/channel.js'
import type { AnySinkDefinition } from '../definition/define-sink.js'
import type { Headers } from '../definition/headers.js'
import type { Item, Output } from '../definition/sink.js'
import type { Sender } from '../definition/source.js'
import { plainBytes } from '../engine/outlet.js'
import type { EpochMs } from '../units.js'
import { MemoryLedgers } from './memory-ledger.js'
import { type Kept, memoryLedgersOf } from './memory-sink.js'

/** A value as the pipeline gave it to its sink, and as that sink would have written it. */
interface Offered {
  readonly value: unknown
  readonly written: unknown
}

type TransactionalSinkDefinition = AnySinkDefinition & { readonly mode: 'transactional' }

/** What a channel's sink was given, on its way to the next stage. */
export interface Carried {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: EpochMs
  readonly headers: Headers
  readonly sender: Sender | undefined
}

/**
 * Stands in for the sinks of a pipeline under test: what they encode and digest stays, where it goes is memory. Memory
 * sinks stand for themselves, so that their own `values` show the same.
 */
export class TestSinks {
  readonly #namespace: string
  readonly #ledgers = new MemoryLedgers<Offered>('test')
  readonly #own = new Map<string, MemoryLedgers<Kept<unknown>>>()
  readonly #idempotent = new Map<string, Item<Offered>[]>()

  /** `namespace` begins the keys of this test's ledgers: one memory sink may serve several tests. */
  constructor(namespace: string) {
    this.#namespace = namespace
  }

  standIn(id: string, sink: AnySinkDefinition): AnySinkDefinition {
    const own = memoryLedgersOf(sink)
    if (own !== undefined) {
      this.#own.set(id, own)
      return sink
    }
    return sink.mode === 'transactional' ? this.#transactional(sink) : this.#idempotentSink(id, sink)
  }

  /** The same for what lies between two stages: bytes, as the next one will read them. */
  carrier(sink: AnySinkDefinition, { value: serde }: ChannelSpec): AnySinkDefinition {
    const encode = ({ value, key, timestamp, headers, watermark, origin }: Output<unknown>): Carried => {
      const sender = watermark === undefined ? undefined : { partition: origin.partition, watermark }
      return { key, value: value === null ? null : serde.encode(value), timestamp, headers, sender }
    }
    const digest = (data: unknown): Uint8Array => {
      const { key, value, timestamp, sender } = data as Carried
      const rest = Buffer.from(JSON.stringify([timestamp, sender]))
      return Buffer.concat([key ?? [], value ?? [], rest].map((part) => Buffer.from(part)))
    }
    return this.#transactional({ ...sink, mode: 'transactional', encode, digest } as TransactionalSinkDefinition)
  }

  /** What a channel's sink has committed, in the order of the commits. */
  carried(id: string): readonly Carried[] {
    return this.#ledgers
      .items(`${this.#namespace}/`)
      .filter((item) => item.sink === id)
      .map((item) => item.data.written as Carried)
  }

  /** What has been committed by now, in the order of the commits. */
  values(id: string): readonly unknown[] {
    const items = this.#idempotent.get(id) ?? (this.#own.get(id) ?? this.#ledgers).items(`${this.#namespace}/`)
    return items.filter((item) => item.sink === id).map((item) => item.data.value)
  }

  #transactional(sink: TransactionalSinkDefinition): AnySinkDefinition {
    const ledgers = this.#ledgers
    const { digest = plainBytes } = sink
    return {
      kind: sink.kind,
      mode: 'transactional',
      ...(sink.scope !== undefined && { scope: sink.scope }),
      encode: offered(sink),
      digest: (data) => digest((data as Offered).written),
      open: (ctx) => ledgers.open(ctx),
      async inspect({ ledgerKey }) {
        return ledgers.newest(ledgerKey)
      },
    }
  }

  /** Sees everything again after a crash, as the real one does; keeps one of each id only where that one does. */
  #idempotentSink(id: string, sink: AnySinkDefinition & { readonly mode: 'idempotent' }): AnySinkDefinition {
    const kept: Item<Offered>[] = []
    const ids = new Set<string>()
    this.#idempotent.set(id, kept)
    return {
      kind: sink.kind,
      mode: 'idempotent',
      dedupes: sink.dedupes,
      encode: offered(sink),
      async open() {
        return {
          async write(items) {
            for (const item of items as readonly Item<Offered>[]) {
              if (sink.dedupes && ids.has(item.id)) continue
              ids.add(item.id)
              kept.push({ id: item.id, sink: item.sink, data: item.data })
            }
            return { failed: [] }
          },
          async close() {},
        }
      },
    }
  }
}

function offered({ encode }: AnySinkDefinition): (output: Output<unknown>) => Offered {
  return (output) => ({ value: output.value, written: encode(output) })
}
