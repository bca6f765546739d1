import type { OnError } from './blueprint.js'
import type { Fault } from './fault.js'
import type { Graph } from './graph.js'
import type { SinkDefinition } from './sink.js'

interface PlacedSink {
  /** Where it is, as faults name it. */
  readonly path: string
  readonly sink: SinkDefinition<never, unknown>
}

/**
 * Sinks of one kind and place would find each other's ledger there, at run time: a fault each, but for the first. Sinks
 * with one scope share their writer, so they may share its place.
 */
export function checkPlaces(graph: Graph, onError: OnError): readonly Fault[] {
  const sinks = sinksIn(graph, onError)
  return sinks.flatMap(({ path, sink }, i) => {
    const other = sinks.slice(0, i).find((before) => sharesPlace(before.sink, sink))
    if (other === undefined) return []
    const place = sink.describe ?? sink.place ?? sink.kind
    return [{ path, message: `writes to the same place as ${other.path} (${place}): give each sink one of its own` }]
  })
}

/** All sinks, that of dead letters last. */
export function sinksIn(graph: Graph, onError: OnError): readonly PlacedSink[] {
  const sinks: PlacedSink[] = graph.sinks.map(({ id, sink }) => ({ path: `steps.${id}`, sink }))
  if (onError.kind === 'deadLetter') sinks.push({ path: 'onError.sink', sink: onError.sink })
  return sinks
}

function sharesPlace(a: PlacedSink['sink'], b: PlacedSink['sink']): boolean {
  if (a.place === undefined || a.kind !== b.kind || a.place !== b.place) return false
  const scope = a.mode === 'transactional' ? a.scope : undefined
  return scope === undefined || b.mode !== 'transactional' || b.scope !== scope
}
