import type { DeadLetter, RecordFailure } from './dead-letter.js'
import type { Sink } from './sink.js'

/** In the global registry: two copies of this package in one process know each other's policies. */
const policyKey = Symbol.for('tidemark.deadLetter')

/** What `deadLetter()` returns, for `onError`. */
export interface DeadLetterPolicy {
  readonly '~deadLetter': true
}

export interface DeadLetterOptions {
  /** Which failures become dead letters; for the others the partition fails. Pure and synchronous. Default: all. */
  readonly when?: (failure: RecordFailure) => boolean
}

/** The arguments of `deadLetter`, unchecked: `definePipeline` reports what is wrong with them. */
export interface DeadLetterArguments {
  readonly sink: Sink<DeadLetter>
  readonly options: DeadLetterOptions
}

/**
 * Sends records that cannot be processed to `sink`, with the reason and their coordinates, and goes on. The sink has its
 * own ledger under the reserved id 'dead-letters' and counts towards the pipeline's guarantee.
 */
export function deadLetter(sink: Sink<DeadLetter>, options: DeadLetterOptions = {}): DeadLetterPolicy {
  const given: DeadLetterArguments = { sink, options }
  return Object.freeze({ [policyKey]: given }) as unknown as DeadLetterPolicy
}

/** What `deadLetter()` was given; undefined for anything it has not made. */
export function deadLetterArgumentsOf(policy: unknown): DeadLetterArguments | undefined {
  return (policy as { readonly [policyKey]?: DeadLetterArguments } | null | undefined)?.[policyKey]
}
