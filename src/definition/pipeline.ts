import type { Bytes, Duration } from '../units.js'
import type { DeadLetterPolicy } from './dead-letter-policy.js'
import type { Missing } from './marks.js'
import type { Source } from './source.js'
import type { StateBackend } from './state-backend.js'
import type { StateStore } from './state-store.js'
import type { End, Stream } from './stream.js'
import type { Table, TableSource } from './table.js'

type AnyEnd = End<string, unknown>
/** What `steps` returns: what `.to()` returned, once or in an array. */
export type Ends = AnyEnd | readonly AnyEnd[]

/** The parameter of `steps`: one stream or table per source, by its name. */
export type Streams<S> = {
  readonly [N in keyof S]: S[N] extends TableSource<infer V, infer K>
    ? Table<V, K>
    : S[N] extends Source<infer T, infer K>
      ? Stream<T, K>
      : never
}

type EachEnd<E> = E extends readonly unknown[] ? E[number] : E
/** What arrives at each sink, by its id. */
export type Sinks<E> = {
  readonly [X in EachEnd<E> as X extends End<infer Id, unknown> ? Id : never]: X extends End<string, infer T>
    ? T
    : never
}

type DuplicateOf<E, Seen = never> = E extends readonly [End<infer Id, unknown>, ...infer Rest]
  ? Id extends Seen
    ? Id
    : DuplicateOf<Rest, Seen | Id>
  : never
type IsAny<X> = 0 extends 1 & X ? true : false
/** A type error that names the id, where two sinks have one id. */
export type UniqueIds<E> =
  IsAny<E> extends true
    ? unknown
    : [DuplicateOf<E>] extends [never]
      ? unknown
      : { readonly steps: Missing<`unique sink ids: '${DuplicateOf<E>}' is used twice`> }

/** `timeout`, `minPause` and `tolerableFailures` are Flink's guard rails. */
export interface CheckpointOptions {
  /** How much is executed again after a failure. 100 ms to 10 minutes; default 5 s. Counted from the end of the last one. */
  readonly interval?: Duration
  /** One that takes longer is given up and counts as failed; processing goes on. 100 ms to 7 days; default 10 minutes. */
  readonly timeout?: Duration
  /** The next begins no sooner after the end of the last, failed or not. At most 10 minutes; default 0. */
  readonly minPause?: Duration
  /**
   * When more than so many fail in a row, the task is claimed again and goes on from the last one that didn't
   * (`CheckpointsFailed`). Default null: any number.
   */
  readonly tolerableFailures?: number | null
}

export interface PipelineOptions<S, E> {
  /** Kebab-case, at most 64 characters. Part of workflow ids, ledgers and directories: never change it. */
  readonly name: string
  /** What is read; each property name is the source's id, kebab-case or camelCase. */
  readonly sources: S
  /** From the named streams to their ends. Run once, when the pipeline is defined; nothing flows then. */
  readonly steps: (streams: Streams<S>) => E
  /**
   * What happens to a record that cannot be processed. `'fail'`, the default, stops that partition only, until somebody
   * resumes it; `'skip'` counts it and goes on; `deadLetter(sink)` keeps it with its reason.
   */
  readonly onError?: 'fail' | 'skip' | DeadLetterPolicy
  /** How soon outputs are visible. At least 50 ms; default 1 s, and with the checkpoint for sinks whose commits are dear (files). */
  readonly commit?: { readonly interval?: Duration }
  /** When checkpoints are made, and what becomes of those that can't be: see docs/state.md. */
  readonly checkpoint?: CheckpointOptions
  /**
   * Where the state of steps lies: in workflow history, up to `inlineLimit` per task, compressed (default 128 KiB, at most
   * 1 MiB); or, without limit, in `backend`, of which history names the parts. A pipeline may get one later, with all the
   * state that it has. With a backend, values may lie in a `store` of the worker's own instead of its memory (default: memory).
   */
  readonly state?:
    | { readonly inlineLimit?: Bytes; readonly backend?: never; readonly store?: never }
    | { readonly backend: StateBackend; readonly store?: StateStore; readonly inlineLimit?: never }
}

/** A checked pipeline, ready for the plugin, the client and the test kit. */
export interface Pipeline<S = unknown, O = unknown> {
  readonly name: string
  /** For the compiler only: what its sources yield and what arrives at its sinks. */
  readonly '~pipeline': { readonly sources: S; readonly sinks: O }
}
