import { type AnySinkDefinition, guaranteeOf } from './define-sink.js'
import type { Blueprint, OnError } from './blueprint.js'
import type { Graph, SourceNode } from './graph.js'
import type { Guarantee } from './sink.js'

type Promised = Blueprint['guarantee']
type NamedSink = { readonly id: string; readonly sink: AnySinkDefinition }

const strength: Readonly<Record<Guarantee, number>> = { 'at-least-once': 0, 'once-per-id': 1, 'exactly-once': 2 }

const best: Promised = {
  value: 'exactly-once',
  because: 'every source can be read again, and every sink commits outputs and position together',
}

/** The weakest of what sources and sinks allow, with the part that is to blame; dead letters count as any other output. */
export function guaranteeOfPipeline(graph: Graph, onError: OnError): Promised {
  const letters = onError.kind === 'deadLetter' ? [{ id: onError.id, sink: onError.sink as AnySinkDefinition }] : []
  const sinks = [...graph.sinks, ...letters].map(promiseOf).filter(({ value }) => value !== best.value)
  return [...sourcePromises(graph.sources), ...sinks].reduce(weaker, best)
}

/** What one sink gets to promise behind these sources. */
export function guaranteeOfSink(sink: NamedSink, sources: readonly SourceNode[]): Promised {
  return [...sourcePromises(sources), promiseOf(sink)].reduce(weaker)
}

function sourcePromises(sources: readonly SourceNode[]): Promised[] {
  return sources
    .filter(({ source }) => !source.replayable)
    .map(({ id, source }) => ({
      value: 'at-least-once',
      because: `source '${id}' (${source.kind}) cannot be read again from an earlier position`,
    }))
}

function promiseOf({ id, sink }: NamedSink): Promised {
  const value = guaranteeOf(sink)
  const because = {
    'exactly-once': 'commits outputs and position together',
    'once-per-id': 'keeps one effect per item id, and is written again after a failure',
    'at-least-once': 'may write an item again after a failure',
  }[value]
  return { value, because: `sink '${id}' (${sink.kind}) ${because}` }
}

/** The first of the weakest is named. */
function weaker(a: Promised, b: Promised): Promised {
  return strength[b.value] < strength[a.value] ? b : a
}
