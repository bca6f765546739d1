import { type AnySinkDefinition, guaranteeOf } from './define-sink.js'
import type { Blueprint, OnError } from './blueprint.js'
import type { Graph, SourceNode, StepNode } from './graph.js'
import { isDeterministic } from './ledgers.js'
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
  const { value, because } = [...sourcePromises(graph.sources), ...sinks].reduce(weaker, best)
  const calls = graph.steps.filter(({ step }) => !step.deterministic).map(guaranteeOfStep)
  return { value, because: [because, ...calls.map((call) => call.because)].join('; ') }
}

/** What one sink of a stage, or of a pipeline, gets to promise. */
export function guaranteeOfSink(sink: NamedSink, graph: Pick<Graph, 'sources' | 'steps'>): Promised {
  const { value, because } = [...sourcePromises(graph.sources), promiseOf(sink)].reduce(weaker)
  const mayDiffer = sink.sink.mode === 'idempotent' && !isDeterministic(graph)
  return {
    value,
    because: mayDiffer ? `${because}, then with another value maybe: its steps are not deterministic` : because,
  }
}

/** What a step that isn't deterministic does outside, it does once more after a failure. */
export function guaranteeOfStep({ id, step }: StepNode): Promised {
  const because = `step '${id}' (${step.kind}) may be called again for a record: ctx.idempotencyKey is the same then`
  return { value: 'at-least-once', because }
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
