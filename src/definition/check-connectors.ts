import { z } from 'zod'
import { type AnySinkDefinition, sinkDefinitionOf } from './define-sink.js'
import { type AnySourceDefinition, sourceDefinitionOf } from './define-source.js'
import type { Fault } from './fault.js'
import { faultsOf, functionSchema } from './faults-of.js'
import type { Sink } from './sink.js'
import type { AnySource } from './source.js'

// Not strict: a definition may be any object that has these, with fields of its own.
const sourceSchema = z.object({
  kind: z.string('must be a text').min(1, 'must not be empty'),
  replayable: z.boolean('must be true or false'),
  partitions: functionSchema,
  bounds: functionSchema,
  open: functionSchema,
  decode: functionSchema,
  key: functionSchema.optional(),
  partitionOf: functionSchema.optional(),
  channel: functionSchema.optional(),
  compare: functionSchema.optional(),
})

const sinkBase = {
  kind: z.string('must be a text').min(1, 'must not be empty'),
  encode: functionSchema,
  open: functionSchema,
  digest: functionSchema.optional(),
  isRetryable: functionSchema.optional(),
  place: z.string('must be a text').optional(),
}
const sinkSchema = z.discriminatedUnion(
  'mode',
  [
    z.object({ ...sinkBase, mode: z.literal('transactional'), inspect: functionSchema }),
    z.object({ ...sinkBase, mode: z.literal('idempotent'), dedupes: z.boolean('must be true or false') }),
  ],
  "must be 'transactional' or 'idempotent'",
)

/** The definition inside a source, with what is wrong with it under `path`. */
export function checkSource(source: unknown, path: string): [AnySourceDefinition | undefined, readonly Fault[]] {
  const definition = sourceDefinitionOf(source as AnySource)
  if (definition === undefined) {
    return [
      undefined,
      [{ path, message: 'is no source: make it with kafkaSource, defineSource or another source factory' }],
    ]
  }
  return [definition, [...faultsOf(sourceSchema, definition, path), ...below(path, definition.faults)]]
}

/** The definition inside a sink, with what is wrong with it under `path`. */
export function checkSink(sink: unknown, path: string): [AnySinkDefinition | undefined, readonly Fault[]] {
  const definition = sinkDefinitionOf(sink as Sink<never>)
  if (definition === undefined) {
    return [
      undefined,
      [{ path, message: 'is no sink: make it with fileSink, kafkaSink, defineSink or another sink factory' }],
    ]
  }
  return [definition, [...faultsOf(sinkSchema, definition, path), ...below(path, definition.faults)]]
}

/** A connector's own faults, whose paths begin at its options. */
function below(path: string, faults: readonly Fault[] = []): readonly Fault[] {
  return faults.map((fault) => ({ ...fault, path: fault.path === '' ? path : `${path}.${fault.path}` }))
}
