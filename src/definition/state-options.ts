import type { Duration } from '../units.js'
import type { Serde } from './serde.js'

/** How a step keeps its state per key. */
export interface StateOptions {
  /** A key's state goes away when nothing was written to it for so long, by the time of epochs. At least 1 ms; default: never. */
  readonly ttl?: Duration
  /** Raise it when state of another form is kept from now on. A whole number from 1; default 1. */
  readonly version?: number
  /** State of an older version as this one has it. A pure function. */
  readonly migrate?: (old: unknown, fromVersion: number) => unknown
}

export interface StatefulOptions<S> extends StateOptions {
  /**
   * How state lies in checkpoints; its `decode` must not wait, and has to read what was written before, since `migrate` gets
   * what it makes of that. Default: JSON that keeps `Date`, `Map`, `Set`, bytes and bigint.
   */
  readonly serde?: Serde<S>
}
