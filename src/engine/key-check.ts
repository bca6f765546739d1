import type { Stage } from '../definition/graph.js'
import type { SourceContext, SourceDefinition } from '../definition/source.js'
import { KeyNotInPartition } from '../errors/record.js'
import type { Flow } from './flow.js'

/** How many partitions a key may belong to, and to which of them it does. */
export interface Partitioning {
  readonly partitions: number
  readonly partitionOf: (key: Uint8Array) => number
}

/**
 * How the partitions of a source are just now. Null: no step of the stage changes keys in place, or the source can't tell
 * where one belongs.
 */
export async function partitioningOf(
  stage: Stage,
  source: SourceDefinition<unknown, unknown, unknown>,
  ctx: SourceContext,
): Promise<Partitioning | null> {
  const { partitionOf } = source
  if (partitionOf === undefined || !stage.steps.some(({ step }) => step.kind === 'keyBy')) return null
  const count = await source.partitions(ctx)
  return { partitions: count, partitionOf: (key) => partitionOf(key, count) }
}

/** Throws `KeyNotInPartition` for a key that belongs to another partition than that of `flow`. */
export function keyCheck(
  { partitions, partitionOf }: Partitioning,
  flow: Flow,
  stepName: () => string,
): (key: Uint8Array) => void {
  const { pipeline, stage, partition } = flow.place
  return (key) => {
    const belongs = partitionOf(key)
    if (belongs === partition) return
    const reason = `of ${partitions} partitions it belongs to ${belongs}, this is ${partition}`
    const at = { pipeline, stage, origin: flow.origin, step: stepName() }
    throw new KeyNotInPartition({ ...at, reason, belongs, partitions })
  }
}
