import type { Stage } from '../definition/graph.js'
import type { SourceContext } from '../definition/source.js'
import type { Flow } from './flow.js'
import { keyCheck, partitioningOf } from './key-check.js'

/** What a claim asks of its sources, once. */
export interface SourceFacts {
  /** What refuses keys of other partitions. Undefined: none are given in place, or nobody can tell. */
  readonly keyCheck: ((flow: Flow, stepName: () => string) => (key: Uint8Array) => void) | undefined
  /** How many tasks write what it reads. Null: nobody says how far event time is there. */
  readonly senders: number | null
}

/** Of several, the first that can tell: they have equally many partitions, and what another stage writes is read alone. */
export async function factsOf(stage: Stage, ctx: Omit<SourceContext, 'source'>): Promise<SourceFacts> {
  const tells = stage.sources.find((node) => node.source.partitionOf !== undefined) ?? stage.sources[0]
  if (tells === undefined) return { keyCheck: undefined, senders: null }
  const { id, source } = tells
  const asked = { ...ctx, source: id }
  const partitioning = await partitioningOf(stage, source, asked)
  return {
    keyCheck: partitioning === null ? undefined : (flow, stepName) => keyCheck(partitioning, flow, stepName),
    senders: source.senders === undefined ? null : await source.senders(asked),
  }
}
