import { defineSink } from '../../../src/definition/define-sink.js'
import { defineSource } from '../../../src/definition/define-source.js'
import type { Sink, SinkDefinition } from '../../../src/definition/sink.js'
import type { Source, SourceDefinition } from '../../../src/definition/source.js'
import { InvalidDefinition } from '../../../src/errors/definition.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Fault } from '../../../src/definition/fault.js'

const never = () => Promise.reject(new Error('a definition opens nothing'))

/** Parts for definitions, which connect nothing: these reject if anything is opened. */
export function numbers(more: Partial<SourceDefinition<number, number, never>> = {}): Source<number> {
  return defineSource<number, number>({
    kind: 'numbers',
    replayable: true,
    partitions: never,
    bounds: never,
    open: never,
    decode: (record) => record.value,
    ...more,
  })
}

export function transactional(more: Partial<SinkDefinition<unknown, unknown>> = {}): Sink<unknown> {
  return defineSink({
    kind: 'table',
    mode: 'transactional',
    encode: (output) => output.value,
    open: never,
    inspect: never,
    ...more,
  } as SinkDefinition<unknown, unknown>)
}

export function idempotent(dedupes: boolean): Sink<unknown> {
  return defineSink({ kind: 'calls', mode: 'idempotent', dedupes, encode: (output) => output.value, open: never })
}

/** What `definePipeline` finds wrong with options of any shape. */
export function faultsOf(options: unknown): readonly Fault[] {
  try {
    definePipeline(options as Parameters<typeof definePipeline>[0])
  } catch (error) {
    if (error instanceof InvalidDefinition) return error.details.faults
    throw error
  }
  return []
}
