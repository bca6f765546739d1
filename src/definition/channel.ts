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
  /** How many tasks write to it. */
  readonly senders: (ctx: SourceContext) => Promise<number>
  /** Present: its values have event time. A task that says nothing for `idleAfterMs` is waited for no longer; null: for ever. */
  readonly timed: { readonly idleAfterMs: number | null } | null
  /** How many partitions it is to have. `ctx` is that of the source behind it. */
  readonly partitions: (ctx: SourceContext) => Promise<number>
}

/** Both ends of it. The sink is given values with the bytes of their new key; equal keys come to one partition of the source. */
export interface Channel {
  readonly sink: AnySinkDefinition
  readonly source: AnySourceDefinition
}
