import type { Stage } from '../definition/graph.js'
import type { SourceContext, SourceDefinition } from '../definition/source.js'
import type { Flow } from './flow.js'
import { keyCheck, partitioningOf } from './key-check.js'

/** What a claim asks of its source, once. */
export interface SourceFacts {
  /** What refuses keys of other partitions. Undefined: none are given in place, or nobody can tell. */
  readonly keyCheck: ((flow: Flow, stepName: () => string) => (key: Uint8Array) => void) | undefined
  /** How many tasks write what it reads. Null: nobody says how far event time is there. */
  readonly senders: number | null
}

export async function factsOf(
  stage: Stage,
  source: SourceDefinition<unknown, unknown, unknown>,
  ctx: SourceContext,
): Promise<SourceFacts> {
  const partitioning = await partitioningOf(stage, source, ctx)
  return {
    keyCheck: partitioning === null ? undefined : (flow, stepName) => keyCheck(partitioning, flow, stepName),
    senders: source.senders === undefined ? null : await source.senders(ctx),
  }
}
