import type { Blueprint } from './blueprint.js'
import type { AnySinkDefinition } from './define-sink.js'
import type { Graph, StepNode } from './graph.js'

/** The ledger that a sink keeps: its own, or that of its scope; null where it keeps none. */
export function ledgerOf({ id, sink }: { readonly id: string; readonly sink: AnySinkDefinition }): string | null {
  return sink.mode === 'transactional' ? (sink.scope ?? id) : null
}

/** Whether every step makes the same of the same records, whenever it runs. */
export function isDeterministic({ steps }: Pick<Graph, 'steps'>): boolean {
  return steps.every(({ step }) => step.deterministic)
}

type Keeper = { readonly id: string; readonly sink: AnySinkDefinition }

/** The sinks of a stage that keep a ledger, that of dead letters included. */
export function keepersOf({ sinks }: Pick<Graph, 'sinks'>, onError: Blueprint['onError']): readonly Keeper[] {
  const letters = onError.kind === 'deadLetter' ? [{ id: onError.id, sink: onError.sink as AnySinkDefinition }] : []
  return [...sinks, ...letters].filter((sink) => ledgerOf(sink) !== null)
}

export const haveSeveral = (keepers: readonly Keeper[]): boolean => new Set(keepers.map(ledgerOf)).size > 1

/** The steps of a stage that have tables: those with state, and those that carry on the time of another stage. */
export function keepersOfState({ sources, steps }: Pick<Graph, 'sources' | 'steps'>): readonly StepNode[] {
  const timed = sources.some(({ channel }) => channel?.timed != null)
  return steps.filter(({ step }) => step.state !== undefined || (timed && step.repartition !== undefined))
}

/**
 * Whether a stage executes again what its ledgers hold with what its calls came to then: those lie in the state backend. With
 * one ledger and no state nothing has to be executed again (PROTOCOL §6).
 */
export function keepsAnswers(stage: Graph, { onError, backend }: Pick<Blueprint, 'onError' | 'backend'>): boolean {
  if (backend === null || isDeterministic(stage)) return false
  return haveSeveral(keepersOf(stage, onError)) || keepersOfState(stage).length > 0
}
