import { type AnySourceDefinition, defineSource } from '../definition/define-source.js'
import { memoryChannel } from './memory-channel.js'
import type { Source, SourceDefinition, SourceReader } from '../definition/source.js'

/** A place among the items of a `memorySource`. */
export interface Crash {
  readonly '~crash': true
}

const mark: Crash = Object.freeze({ '~crash': true })

/**
 * Among the items of a `memorySource`: there `testPipeline` loses all that is in memory and recovers from the last
 * checkpoint, as after `kill -9`. In a worker it is skipped.
 */
export const crash = (): Crash => mark

/** In the global registry: two copies of this package in one process know each other's sources. */
const itemsKey = Symbol.for('tidemark.memorySource')

interface MemorySourceDefinition<T> extends SourceDefinition<T, T, never> {
  readonly [itemsKey]: readonly (T | Crash)[]
}

/**
 * A source of these items, in one partition, in this order: for tests. It ends after the last, so that a worker
 * completes a pipeline that reads it.
 */
export function memorySource<T>(items: readonly (T | Crash)[]): Source<Exclude<T, Crash>> {
  // The caller's array may change afterwards: positions are indices into this one.
  const kept = Object.freeze([...items])
  const values = kept.filter((item) => !isCrash(item)) as Exclude<T, Crash>[]
  const end = String(values.length)
  const definition: MemorySourceDefinition<Exclude<T, Crash>> = {
    kind: 'memory',
    replayable: true,
    describe: `${values.length} items in memory`,
    [itemsKey]: kept as readonly (Exclude<T, Crash> | Crash)[],
    decode: (record) => record.value,
    channel: memoryChannel,
    async partitions() {
      return 1
    },
    async bounds({ startAt }) {
      if (startAt === 'latest') return { start: end, end }
      if (typeof startAt === 'object' && 'offsets' in startAt) return { start: startAt.offsets[0] ?? '0', end }
      return { start: '0', end }
    },
    async open({ position }) {
      return new ItemReader(values, Number(position))
    },
  }
  return defineSource<Exclude<T, Crash>, Exclude<T, Crash>>(definition)
}

/** What a `memorySource` was made of; undefined for any other source. */
export function memoryItemsOf(source: AnySourceDefinition): readonly unknown[] | undefined {
  return (source as { readonly [itemsKey]?: readonly unknown[] })[itemsKey]
}

export const isCrash = (item: unknown): item is Crash =>
  typeof item === 'object' && item !== null && '~crash' in item && item['~crash'] === true

class ItemReader<T> implements SourceReader<T> {
  readonly #values: readonly T[]
  #at: number

  constructor(values: readonly T[], at: number) {
    this.#values = values
    this.#at = at
  }

  async poll({ maxRecords }: { readonly maxRecords: number }): ReturnType<SourceReader<T>['poll']> {
    const from = this.#at
    const values = this.#values.slice(from, from + maxRecords)
    this.#at += values.length
    const records = values.map((value, index) => {
      return { position: String(from + index), next: String(from + index + 1), key: null, value }
    })
    const lag = this.#values.length - this.#at
    return { records, next: String(this.#at), lag, done: lag <= 0 }
  }

  async close(): Promise<void> {}
}
