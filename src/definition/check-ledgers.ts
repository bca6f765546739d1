import type { OnError } from './blueprint.js'
import type { AnySinkDefinition } from './define-sink.js'
import type { Fault } from './fault.js'
import type { Graph } from './graph.js'
import { ledgerOf } from './ledgers.js'

/**
 * Two ledgers may stand at different positions after a failure. What lies between is executed again for one of them only,
 * and a step that isn't deterministic gives it other results than the other has (PROTOCOL §6): a fault at each such step.
 */
export function checkLedgers(graph: Graph, onError: OnError): readonly Fault[] {
  const letters = onError.kind === 'deadLetter' ? [{ id: onError.id, sink: onError.sink as AnySinkDefinition }] : []
  const sinks = [...graph.sinks, ...letters].filter((sink) => ledgerOf(sink) !== null)
  if (new Set(sinks.map(ledgerOf)).size < 2) return []
  const names = sinks.map(({ id }) => `'${id}'`).join(', ')
  return graph.steps
    .filter(({ step }) => !step.deterministic)
    .map(({ id, step }) => ({
      path: `steps.${id}`,
      message:
        `${step.kind} gives another result when it is called again, and the sinks ${names} keep more than one ledger: ` +
        'after a failure they could hold results of different calls. Use sinks that share a ledger (all Kafka sinks of ' +
        'one cluster do, that of dead letters too), or write to one of them only and copy from there by a second pipeline',
    }))
}
