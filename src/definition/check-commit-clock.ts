import type { Blueprint, OnError } from './blueprint.js'
import { commitMsOf } from './commit-clock.js'
import { sinksIn } from './check-places.js'
import type { Fault } from './fault.js'
import type { Graph } from './graph.js'

/**
 * A transaction lasts from its first write to the end of its commit: about the commit interval, and what the commit itself
 * takes. A target that ends it before is a fault; as much again as the interval is left for it.
 */
export function checkCommitClock(
  graph: Graph,
  onError: OnError,
  clock: Pick<Blueprint, 'commitMs' | 'checkpointMs' | 'guardRails'>,
): readonly Fault[] {
  return sinksIn(graph, onError).flatMap(({ path, sink }) => {
    const transactionMs = sink.mode === 'transactional' ? sink.transactionMs : undefined
    const commitMs = commitMsOf(clock.commitMs, [sink]) ?? Math.max(clock.checkpointMs, clock.guardRails.minPauseMs)
    if (transactionMs === undefined || transactionMs >= 2 * commitMs) return []
    const message = `has a transaction time-out of ${transactionMs} ms, which must be at least twice the commit interval, ${commitMs} ms`
    return [{ path, message }]
  })
}
