import { blueprintOf } from './blueprint-of.js'
import { commitMsOf } from './commit-clock.js'
import type { GuardRails } from './blueprint.js'
import type { AnySinkDefinition } from './define-sink.js'
import { guaranteeOfSink, guaranteeOfStep } from './guarantee.js'
import type { StreamRef } from './graph.js'
import { ledgerOf } from './ledgers.js'
import type { Pipeline } from './pipeline.js'
import type { Guarantee } from './sink.js'

export interface PromisedGuarantee {
  readonly value: Guarantee
  readonly because: string
}

export interface ExplainedSink {
  readonly id: string
  readonly kind: string
  /** What it writes to: `directory out/flights`. */
  readonly target: string
  /** Ids of the nodes it gets its values from; of a branch, `id.port`. Dead letters come from everywhere: none. */
  readonly from: readonly string[]
  readonly guarantee: PromisedGuarantee
  /** Sinks with one ledger commit in one transaction. Null: it keeps none. */
  readonly ledger: string | null
  /** Milliseconds between commits; null: with each checkpoint, or without a ledger: as values come. */
  readonly commitMs: number | null
}

export interface ExplainedStep {
  readonly id: string
  readonly kind: string
  readonly from: readonly string[]
  /** Of what it does outside: for `asyncMap` only. */
  readonly guarantee?: PromisedGuarantee
}

export interface ExplainedStage {
  readonly id: string
  readonly sources: readonly { readonly id: string; readonly kind: string; readonly reads: string }[]
  readonly steps: readonly ExplainedStep[]
  readonly sinks: readonly ExplainedSink[]
}

/** A pipeline as it will run. */
export interface Explanation {
  readonly pipeline: string
  /** The weakest of all parts. */
  readonly guarantee: PromisedGuarantee
  readonly checkpointMs: number
  readonly guardRails: GuardRails
  /** Where state lies: `workflow history`, `s3://bucket/prefix`. Null: no step keeps any. */
  readonly state: string | null
  readonly onError: 'fail' | 'skip' | 'deadLetter'
  readonly fingerprint: string
  readonly stages: readonly ExplainedStage[]
}

/** The plan of a pipeline: stages, steps, and for each sink what it promises and why. Connects nothing. Throws `InvalidDefinition` for what isn't a pipeline. */
export function explain(pipeline: Pipeline): Explanation {
  const blueprint = blueprintOf(pipeline)
  const { name, guarantee, checkpointMs, guardRails, onError, fingerprint, stages, backend } = blueprint
  const keeps = stages.some(({ steps }) => steps.some(({ step }) => step.state !== undefined))
  const explained = stages.map((stage): ExplainedStage => {
    const letters: readonly { id: string; sink: AnySinkDefinition; input: StreamRef | null }[] =
      onError.kind === 'deadLetter' ? [{ id: onError.id, sink: onError.sink as AnySinkDefinition, input: null }] : []
    const sinks = [...stage.sinks, ...letters]
    return {
      id: stage.id,
      sources: stage.sources.map(({ id, source }) => ({
        id,
        kind: source.kind,
        reads: source.describe ?? source.kind,
      })),
      steps: stage.steps.map((node) => ({
        id: node.id,
        kind: node.step.kind,
        from: node.inputs.map(nameOf),
        ...(!node.step.deterministic && { guarantee: guaranteeOfStep(node) }),
      })),
      sinks: sinks.map(({ id, sink, input }) => ({
        id,
        kind: sink.kind,
        target: sink.describe ?? sink.kind,
        from: input === null ? [] : [nameOf(input)],
        guarantee: guaranteeOfSink({ id, sink }, stage),
        ledger: ledgerOf({ id, sink }),
        commitMs:
          sink.mode === 'idempotent' ? null : commitMsOf(blueprint.commitMs, membersOf(ledgerOf({ id, sink }), sinks)),
      })),
    }
  })
  const state = keeps ? (backend?.describe ?? 'workflow history') : null
  const clock = { checkpointMs, guardRails }
  return { pipeline: name, guarantee, ...clock, state, onError: onError.kind, fingerprint, stages: explained }
}

const nameOf = ({ node, port }: StreamRef): string => (port === 'out' ? node : `${node}.${port}`)

const membersOf = (
  ledger: string | null,
  sinks: readonly { readonly id: string; readonly sink: AnySinkDefinition }[],
) => sinks.flatMap((other) => (ledgerOf(other) === ledger ? [other.sink] : []))
