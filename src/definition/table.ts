import { type AnySourceDefinition, defineSource, sourceDefinitionOf } from './define-source.js'
import type { Missing, Unkeyed } from './marks.js'
import type { AnySource, Source } from './source.js'

/** In the global registry: two copies of this package in one process know each other's tables. */
const tableKey = Symbol.for('tidemark.table')

/** A source of which the latest value of each key counts. */
export interface TableSource<V, K> extends AnySource {
  readonly '~source': { readonly value: V | null; readonly key: K; readonly table: true }
}

/** What `steps` gets for a `TableSource`: what `joinTable` looks values up in. */
export interface Table<V, K> {
  readonly '~table': { readonly value: V; readonly key: K }
}

type Keyed<K> = [K] extends [Unkeyed] ? Missing<'a key: give the source a `key` serde'> : unknown

/**
 * A changelog, such as a compacted topic, as a table: the latest value of each key. A record without a value (a tombstone),
 * or whose value is null, deletes its key. The topic has to be partitioned as those that are joined with it.
 */
export function table<V, K>(source: Source<V, K> & Keyed<K>): TableSource<NonNullable<V>, K> {
  const definition = sourceDefinitionOf(source)
  // Whatever it is, `definePipeline` says what is wrong with it.
  if (definition === undefined) return source as unknown as TableSource<NonNullable<V>, K>
  const rows = Object.assign({}, defineSource(rowsOf(definition)), { [tableKey]: true })
  return Object.freeze(rows) as unknown as TableSource<NonNullable<V>, K>
}

export function isTable(source: unknown): boolean {
  return typeof source === 'object' && source !== null && tableKey in source
}

/** The same source, but for tombstones: those are no matter of its serde. */
function rowsOf(source: AnySourceDefinition): AnySourceDefinition {
  const decode: AnySourceDefinition['decode'] = (record) => (record.value === null ? null : source.decode(record))
  // Its methods may need their object, and need not be its own.
  return Object.create(source, { decode: { value: decode, enumerable: true } }) as AnySourceDefinition
}
