import type { Blueprint } from './blueprint.js'
import type { Fault } from './fault.js'
import type { Graph } from './graph.js'
import { haveSeveral, keepersOf } from './ledgers.js'

/**
 * Two ledgers may stand at different positions after a failure. What lies between is executed again for one of them only,
 * and a step that isn't deterministic gives it other results than the other has, unless they are kept (PROTOCOL §6): a fault
 * at each such step where there is no state backend for that.
 */
export function checkLedgers(
  graph: Graph,
  { onError, backend }: Pick<Blueprint, 'onError' | 'backend'>,
): readonly Fault[] {
  const sinks = keepersOf(graph, onError)
  if (backend !== null || !haveSeveral(sinks)) return []
  const names = sinks.map(({ id }) => `'${id}'`).join(', ')
  return graph.steps
    .filter(({ step }) => !step.deterministic)
    .map(({ id, step }) => ({
      path: `steps.${id}`,
      message:
        `${step.kind} gives another result when it is called again, and the sinks ${names} keep more than one ledger: ` +
        'after a failure they could hold results of different calls. Give the pipeline a state backend, which keeps these ' +
        '(state: { backend }), or use sinks that share a ledger (all Kafka sinks of one cluster do, that of dead letters too)',
    }))
}
