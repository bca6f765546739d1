import { blueprintOf } from '../definition/blueprint-of.js'
import type { DeadLetter } from '../definition/dead-letter.js'
import type { Unkeyed } from '../definition/marks.js'
import type { Pipeline } from '../definition/pipeline.js'
import type { EpochMs } from '../units.js'
import { RunningPipeline } from './running-pipeline.js'

type ValueOf<S> = S extends { readonly '~source': { readonly value: infer T } } ? T : never
type KeyOf<S> = S extends { readonly '~source': { readonly key: infer K } } ? K : never
export type Bytes = string | Uint8Array

export interface SendOptions {
  /** Default: `now`. */
  readonly timestamp?: Date | EpochMs
  /** Default: 0. */
  readonly partition?: number
  /** Values as bytes, or as text to be written as UTF-8. */
  readonly headers?: Readonly<Record<string, Bytes>>
}

/** What `send` takes for a source: its value, and for a keyed source the typed key. */
export type TestRecord<S> = SendOptions & { readonly value: ValueOf<S> } & ([KeyOf<S>] extends [Unkeyed]
    ? { readonly key?: Bytes }
    : { readonly key: KeyOf<S> })

export interface TestSink<T> {
  /** What has been committed by now, in the order of the commits: the values given to `.to()`. */
  readonly values: readonly T[]
  /** Those that have been committed since `take` was last called. */
  take(): readonly T[]
}

/** A pipeline that runs in this process. Whatever it offers is done one at a time, in the order of the calls. */
export interface TestPipeline<S, O> extends AsyncDisposable {
  /**
   * Sends a value as if its source had read and decoded it. Resolves once it has been through the steps and its outputs
   * are committed; those of sinks without a ledger come with the checkpoint, as in a worker. Rejects with what the
   * record made the task park with (`error.code` is `StepFailed`, `RecordRejected` …): from then on every call does,
   * since the record is still there.
   */
  send<const N extends keyof S & string>(source: N, record: TestRecord<S[N]>): Promise<void>
  /** Sends bytes: the source's own serde decodes them, and the key as well. */
  sendBytes(
    source: keyof S & string,
    bytes: Uint8Array | null,
    options?: SendOptions & { readonly key?: Bytes },
  ): Promise<void>
  /** Ends the epoch: all that was sent is part of a checkpoint. The next record begins a new one, with a new `ctx.random`. */
  checkpoint(): Promise<void>
  /**
   * Loses all that is in memory and recovers from the last checkpoint, as after `kill -9`: what was sent since is executed
   * again. Rejects with `NonDeterministicStep` if that makes other outputs than those committed.
   */
  crash(): Promise<void>
  sink<const N extends keyof O & string>(id: N): TestSink<O[N]>
  /** What `onError: deadLetter(…)` has kept. */
  readonly deadLetters: readonly DeadLetter[]
  /** As `await using` does. */
  close(): Promise<void>
}

export interface TestPipelineOptions {
  /** What `ctx.now` is. Default: 2026-01-01T00:00:00Z. */
  readonly now?: Date
  /** What `ctx.random()` begins from. Default: 1. */
  readonly seed?: number
}

/**
 * Runs a pipeline in this process, without Temporal, Kafka and disks: its own steps, serdes and encoders in the engine
 * that workers run, between a source and ledgers in memory. The items of a `memorySource` are sent at once, with a crash
 * wherever one is marked.
 */
export async function testPipeline<S, O>(
  pipeline: Pipeline<S, O>,
  options: TestPipelineOptions = {},
): Promise<TestPipeline<S, O>> {
  const running = new RunningPipeline(blueprintOf(pipeline), options)
  try {
    await running.sendItems()
  } catch (error) {
    await running.close()
    throw error
  }
  // The compiler has checked names and values by the types of the definition.
  return running as unknown as TestPipeline<S, O>
}
