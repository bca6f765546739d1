import type { Unkeyed } from './marks.js'
import type { AnySource, Source, SourceDefinition } from './source.js'

/** In the global registry: two copies of this package in one process know each other's sources. */
const definitionKey = Symbol.for('tidemark.source')

/** A source with its value type, raw type and key type forgotten: what the engine runs. */
export type AnySourceDefinition = SourceDefinition<unknown, unknown, unknown>

/**
 * A source of one's own, from an object of functions. Nothing is connected and nothing is called before a worker runs
 * the pipeline. Throws nothing: what is wrong with the definition is reported by `definePipeline`, with all else.
 *
 * A factory with options of its own (`kafkaSource({ topic: '' })`) puts what is wrong with them into
 * `definition.faults`; they are reported under `sources.<id>.`.
 */
export function defineSource<Raw, T, K = Unkeyed>(definition: SourceDefinition<Raw, T, K>): Source<T, K> {
  const source = { kind: definition.kind, [definitionKey]: definition }
  return Object.freeze(source) as unknown as Source<T, K>
}

/** The definition inside a source; undefined for anything that no source factory has made. */
export function sourceDefinitionOf(source: AnySource): AnySourceDefinition | undefined {
  return (source as { readonly [definitionKey]?: AnySourceDefinition } | null | undefined)?.[definitionKey]
}
