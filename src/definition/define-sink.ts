import type { Guarantee, Sink, SinkDefinition } from './sink.js'

/** In the global registry: two copies of this package in one process know each other's sinks. */
const definitionKey = Symbol.for('tidemark.sink')

/** A sink with its value type and written type forgotten: what the engine runs. */
export type AnySinkDefinition = SinkDefinition<unknown, unknown>

/**
 * A sink of one's own, from an object of functions: `mode: 'transactional'` where outputs and receipt become durable
 * together, else `'idempotent'`. Nothing is opened before a worker claims a task. Throws nothing: what is wrong with the
 * definition is reported by `definePipeline`, with all else.
 *
 * A factory with options of its own (`fileSink({ directory: '' })`) puts what is wrong with them into
 * `definition.faults`; they are reported under `steps.<id>.`, those of a dead-letter sink under `onError.sink.`.
 */
export function defineSink<T, W>(definition: SinkDefinition<T, W>): Sink<T> {
  const sink = { kind: definition.kind, guarantee: guaranteeOf(definition), [definitionKey]: definition }
  return Object.freeze(sink) as unknown as Sink<T>
}

/** The definition inside a sink; undefined for anything that no sink factory has made. */
export function sinkDefinitionOf(sink: Sink<never>): AnySinkDefinition | undefined {
  return (sink as { readonly [definitionKey]?: AnySinkDefinition } | null | undefined)?.[definitionKey]
}

/** What one sink by itself promises, given a source that can be read again. */
export function guaranteeOf<T, W>(definition: SinkDefinition<T, W>): Guarantee {
  if (definition.mode === 'transactional') return 'exactly-once'
  return definition.dedupes ? 'once-per-id' : 'at-least-once'
}
