import type { Stage } from './graph.js'
import type { DeadLetter, RecordFailure } from './dead-letter.js'
import type { Guarantee, SinkDefinition } from './sink.js'
import type { StateBackend } from './state-backend.js'
import type { StateStore } from './state-store.js'

/** Where bad records go, as the engine reads it. */
export type OnError =
  | { readonly kind: 'fail' }
  | { readonly kind: 'skip' }
  | {
      readonly kind: 'deadLetter'
      /** The id under which the dead-letter sink has its ledger: 'dead-letters'. */
      readonly id: string
      readonly sink: SinkDefinition<DeadLetter, unknown>
      /** False for a failure: the partition fails instead. */
      readonly when: (failure: RecordFailure) => boolean
    }

/** What keeps checkpoints from taking too long, coming too often, failing too often; durations in ms. */
export interface GuardRails {
  /** Infinity, where nothing may depend on the clock: never. */
  readonly timeoutMs: number
  readonly minPauseMs: number
  /** So many may fail in a row; null: any number. */
  readonly tolerableFailures: number | null
}

/** A checked, frozen pipeline: all the engine needs, durations in ms. `definePipeline` is the only one to make it. */
export interface Blueprint {
  readonly name: string
  readonly stages: readonly Stage[]
  readonly onError: OnError
  /** Milliseconds between sink transactions; null: with the checkpoint for sinks that say so, else 1,000. */
  readonly commitMs: number | null
  /** Milliseconds between checkpoints. */
  readonly checkpointMs: number
  readonly guardRails: GuardRails
  /** Where state lies; null: in workflow history. */
  readonly backend: StateBackend | null
  /** Where values of state lie that is in a backend, for the life of a session; null: in memory. */
  readonly store: StateStore | null
  /** Bytes of compressed state that a task may keep in workflow history. */
  readonly inlineBytes: number
  /** The weakest of its sinks' and sources' guarantees, and why. */
  readonly guarantee: { readonly value: Guarantee; readonly because: string }
  /** Hash over step ids, kinds and settings, sources and sinks: changes when results may. */
  readonly fingerprint: string
}
