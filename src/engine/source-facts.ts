import type { Stage } from '../definition/graph.js'
import type { SourceContext } from '../definition/source.js'
import type { Flow } from './flow.js'
import { keyCheck, partitioningOf } from './key-check.js'

/** What a claim asks of its sources, once. */
export interface SourceFacts {
  /** What refuses keys of other partitions. Undefined: none are given in place, or nobody can tell. */
  readonly keyCheck: ((flow: Flow, stepName: () => string) => (key: Uint8Array) => void) | undefined
  /** How many tasks write what it reads, by source: those of which somebody says how far event time is there. */
  readonly senders: ReadonlyMap<string, number>
}

/** Of several, the first that can tell where keys belong: they have equally many partitions. */
export async function factsOf(stage: Stage, ctx: Omit<SourceContext, 'source'>): Promise<SourceFacts> {
  const tells = stage.sources.find((node) => node.source.partitionOf !== undefined) ?? stage.sources[0]
  const senders = new Map<string, number>()
  for (const { id, source } of stage.sources)
    if (source.senders !== undefined) senders.set(id, await source.senders({ ...ctx, source: id }))
  if (tells === undefined) return { keyCheck: undefined, senders }
  const partitioning = await partitioningOf(stage, tells.source, { ...ctx, source: tells.id })
  return {
    keyCheck: partitioning === null ? undefined : (flow, stepName) => keyCheck(partitioning, flow, stepName),
    senders,
  }
}
