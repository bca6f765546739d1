import { guaranteeOf } from './define-sink.js'
import type { Blueprint, OnError } from './blueprint.js'
import type { Graph } from './graph.js'
import type { Guarantee } from './sink.js'

type Promised = Blueprint['guarantee']

const strength: Readonly<Record<Guarantee, number>> = { 'at-least-once': 0, 'once-per-id': 1, 'exactly-once': 2 }

/** The weakest of what sources and sinks allow, with the part that is to blame; dead letters count as any other output. */
export function guaranteeOfPipeline(graph: Graph, onError: OnError): Promised {
  const promises: Promised[] = []
  for (const { id, source } of graph.sources) {
    if (source.replayable) continue
    promises.push({
      value: 'at-least-once',
      because: `source '${id}' (${source.kind}) cannot be read again from an earlier position`,
    })
  }
  const sinks = graph.sinks.map(({ id, sink }) => ({ id, kind: sink.kind, value: guaranteeOf(sink) }))
  if (onError.kind === 'deadLetter') {
    sinks.push({ id: onError.id, kind: onError.sink.kind, value: guaranteeOf(onError.sink) })
  }
  for (const { id, kind, value } of sinks) {
    if (value === 'once-per-id') {
      promises.push({
        value,
        because: `sink '${id}' (${kind}) keeps one effect per item id, and is written again after a failure`,
      })
    } else if (value === 'at-least-once') {
      promises.push({ value, because: `sink '${id}' (${kind}) may write an item again after a failure` })
    }
  }
  return promises.reduce(weaker, {
    value: 'exactly-once',
    because: 'every source can be read again, and every sink commits outputs and position together',
  })
}

/** The first of the weakest is named. */
function weaker(a: Promised, b: Promised): Promised {
  return strength[b.value] < strength[a.value] ? b : a
}
