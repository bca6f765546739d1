import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { type AnySinkDefinition, defineSink } from '../definition/define-sink.js'
import type { Sink, TransactionalSink } from '../definition/sink.js'
import { MemoryLedgers } from './memory-ledger.js'

/** What a memory sink writes: the value itself, and a text that tells it from others. */
export interface Kept<T> {
  readonly value: T
  readonly text: string
}

/** In the global registry: two copies of this package in one process know each other's sinks. */
const ledgersKey = Symbol.for('tidemark.memorySink')

/** A transactional sink over ledgers in memory. Takes any value: its digest runs over how Node shows it. */
export function memorySinkDefinition<T>(ledgers: MemoryLedgers<Kept<T>>): TransactionalSink<T, Kept<T>> {
  const definition: TransactionalSink<T, Kept<T>> & { readonly [ledgersKey]: MemoryLedgers<Kept<T>> } = {
    [ledgersKey]: ledgers,
    kind: 'memory',
    mode: 'transactional',
    describe: 'memory',
    encode: ({ value }) => ({ value, text: shown(value) }),
    digest: ({ text }) => Buffer.from(text),
    open: (ctx) => ledgers.open(ctx),
    async inspect({ ledgerKey }) {
      return ledgers.newest(ledgerKey)
    },
  }
  return definition
}

/** The ledgers of a memory sink; undefined for any other sink. */
export function memoryLedgersOf(sink: AnySinkDefinition): MemoryLedgers<Kept<unknown>> | undefined {
  return (sink as { readonly [ledgersKey]?: MemoryLedgers<Kept<unknown>> })[ledgersKey]
}

/**
 * A sink that keeps its values in this process, exactly once: for tests. `values` are those that have been committed, in
 * the order of their commits.
 */
export function memorySink<T>(): Sink<T> & { readonly values: readonly T[] } {
  const ledgers = new MemoryLedgers<Kept<T>>(`memory ${randomUUID()}`)
  return Object.freeze({
    ...defineSink(memorySinkDefinition(ledgers)),
    get values(): readonly T[] {
      return ledgers.items().map((item) => item.data.value)
    },
  })
}

/** All of it, whatever it is: Maps, bigints and undefined as well. */
function shown(value: unknown): string {
  return inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null, customInspect: false })
}
