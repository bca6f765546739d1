import type { AnySinkDefinition } from './define-sink.js'
import type { Graph } from './graph.js'

/** The ledger that a sink keeps: its own, or that of its scope; null where it keeps none. */
export function ledgerOf({ id, sink }: { readonly id: string; readonly sink: AnySinkDefinition }): string | null {
  return sink.mode === 'transactional' ? (sink.scope ?? id) : null
}

/** Whether every step makes the same of the same records, whenever it runs. */
export function isDeterministic({ steps }: Pick<Graph, 'steps'>): boolean {
  return steps.every(({ step }) => step.deterministic)
}
