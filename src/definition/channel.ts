import type { AnySinkDefinition } from './define-sink.js'
import type { AnySourceDefinition } from './define-source.js'
import type { Serde } from './serde.js'
import type { SourceContext } from './source.js'

/** What lies between two stages, as `repartition` asks for it. */
export interface ChannelSpec {
  readonly pipeline: string
  /** Of the repartition step. Names the sink before it, the source behind it and the stage that reads that. */
  readonly id: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** How many partitions it is to have. `ctx` is that of the source behind it. */
  readonly partitions: (ctx: SourceContext) => Promise<number>
}

/** Both ends of it. The sink is given values with the bytes of their new key; equal keys come to one partition of the source. */
export interface Channel {
  readonly sink: AnySinkDefinition
  readonly source: AnySourceDefinition
}
