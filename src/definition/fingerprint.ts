import { createHash } from 'node:crypto'
import type { OnError } from './blueprint.js'
import type { Stage } from './graph.js'

/**
 * A hash over what decides results, but for the code of functions, which the worker's build id stands for (PROTOCOL
 * §3.5): ids, kinds, settings, versions of state and wiring of all nodes in definition order, and where bad records go. Names of
 * pipelines, intervals and connections do not count.
 */
export function fingerprintOf(stages: readonly Stage[], onError: OnError): string {
  const plan = {
    version: 1,
    stages: stages.map((stage) => ({
      id: stage.id,
      sources: stage.sources.map(({ id, source }) => ({
        id,
        kind: source.kind,
        describe: source.describe ?? null,
        keyed: source.key !== undefined,
      })),
      steps: stage.steps.map(({ id, inputs, step }) => ({
        id,
        inputs: inputs.map(({ node, port }) => [node, port]),
        kind: step.kind,
        ports: step.ports,
        settings: step.settings,
        // The first is what all had before there were others: receipts know it without.
        ...(step.state !== undefined && step.state.version > 1 && { version: step.state.version }),
      })),
      sinks: stage.sinks.map(({ id, input, sink }) => ({ id, input: [input.node, input.port], kind: sink.kind })),
    })),
    onError: onError.kind === 'deadLetter' ? { kind: onError.kind, sink: onError.sink.kind } : { kind: onError.kind },
  }
  return createHash('sha256').update(canonicalJson(plan)).digest('hex')
}

/** So many digits of it are in each checkpoint: enough to tell plans apart. */
export const planMark = (fingerprint: string): string => fingerprint.slice(0, 16)

/** By step: a short hash over kind, settings and code. */
export function stepMarks({ steps }: Stage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    steps.map(({ id, step }) => {
      const text = canonicalJson([step.kind, step.settings, step.code ?? ''])
      return [id, createHash('sha256').update(text).digest('hex').slice(0, 8)]
    }),
  )
}

/** JSON with the properties of every object in the order of their names; what holds nothing is left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}
