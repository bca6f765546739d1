import type { ChannelSpec } from './channel.js'
import type { Step } from '../steps/step.js'
import type { SinkDefinition } from './sink.js'
import type { SourceDefinition } from './source.js'

/** One output of a source or step: what a later node reads. `port` is 'out' but for branches and side outputs. */
export interface StreamRef {
  readonly node: string
  readonly port: string
}

export interface SourceNode {
  readonly id: string
  readonly source: SourceDefinition<unknown, unknown, unknown>
  /** Of each key its latest value counts. */
  readonly table?: true
  /** Of one that reads what an earlier stage has written. */
  readonly channel?: ChannelSpec
}

export interface StepNode {
  readonly id: string
  readonly inputs: readonly StreamRef[]
  readonly step: Step
}

export interface SinkNode {
  readonly id: string
  readonly input: StreamRef
  readonly sink: SinkDefinition<unknown, unknown>
  /** Of one that writes for a later stage. */
  readonly channel?: ChannelSpec
}

/** What `steps` built, nodes in definition order, which is a topological order. */
export interface Graph {
  readonly sources: readonly SourceNode[]
  readonly steps: readonly StepNode[]
  readonly sinks: readonly SinkNode[]
}

/**
 * A part of the graph that runs as one: source → steps → sinks on the same partition number. `repartition` starts a
 * new one. A task is one stage on one partition.
 */
export interface Stage extends Graph {
  /** 'main' for the first, the repartition step's id for those behind one. Part of workflow ids and ledger keys: never changes. */
  readonly id: string
}
