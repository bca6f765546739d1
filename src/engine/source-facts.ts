import type { Stage } from '../definition/graph.js'
import type { SourceContext } from '../definition/source.js'
import type { Flow } from './flow.js'
import { keyCheck, partitioningOf } from './key-check.js'

/** What a claim asks of its sources, once. */
export interface SourceFacts {
  /** What refuses keys of other partitions. Undefined: none are given in place, or nobody can tell. */
  readonly keyCheck: ((flow: Flow, stepName: () => string) => (key: Uint8Array) => void) | undefined
  /** How many tasks write what each reads, by source; nothing where nobody says how far event time is there. */
  readonly senders: Readonly<Record<string, number>>
}

/** Where keys belong is asked of the first that can tell: they have equally many partitions. */
export async function factsOf(stage: Stage, ctx: Omit<SourceContext, 'source'>): Promise<SourceFacts> {
  const tells = stage.sources.find((node) => node.source.partitionOf !== undefined) ?? stage.sources[0]
  if (tells === undefined) return { keyCheck: undefined, senders: {} }
  const { id, source } = tells
  const asked = { ...ctx, source: id }
  const partitioning = await partitioningOf(stage, source, asked)
  const senders: Record<string, number> = {}
  for (const node of stage.sources) {
    const count = await node.source.senders?.({ ...ctx, source: node.id })
    if (count !== undefined) senders[node.id] = count
  }
  return {
    keyCheck: partitioning === null ? undefined : (flow, stepName) => keyCheck(partitioning, flow, stepName),
    senders,
  }
}
