import type { Graph, Stage } from './graph.js'

/** The first stage's id. Part of workflow ids and ledger keys: never changes. */
const firstStage = 'main'

/** Splits a graph into the parts that run as one, frozen. Nothing starts a new stage yet, so there is one. */
export function splitStages(graph: Graph): readonly Stage[] {
  const stage: Stage = {
    id: firstStage,
    sources: frozen(graph.sources),
    steps: frozen(graph.steps),
    sinks: frozen(graph.sinks),
  }
  return frozen([stage])
}

/** The nodes are ours, so frozen; what users gave us inside them is not. */
function frozen<T extends object>(nodes: readonly T[]): readonly T[] {
  return Object.freeze(nodes.map((node) => Object.freeze({ ...node })))
}
