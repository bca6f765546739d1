import type { Duration } from '../units.js'
import type { StateOptions } from './state-options.js'

/** Which values come out that meet none: those of neither side, of the left one, of both. */
export type JoinKind = 'inner' | 'left' | 'outer'

/** The left value of a pair, where the join's kind lets it be missing. */
export type Left<H, T> = H extends 'outer' ? T | undefined : T
/** The right value of a pair, where the join's kind lets it be missing. */
export type Right<H, U> = H extends 'left' | 'outer' ? U | undefined : U

export interface JoinOptions<H> {
  /** Default `'inner'`: pairs only. `'left'`: also left values that meet none; `'outer'`: those of both sides. */
  readonly how?: H
  /**
   * How far apart the times of a pair may be, both ends included: the right one at most `before` earlier than the left one,
   * or `after` later. A duration stands for both.
   */
  readonly within: Duration | { readonly before: Duration; readonly after: Duration }
  /** How much further the watermark has to come before a value is late, and before one counts as alone. Default 0. */
  readonly grace?: Duration
}

export interface JoinTableOptions<H> {
  /** Default `'inner'`: only values whose key has a row. `'left'`: all. */
  readonly how?: H
  /** Of rows. A `ttl` is counted from when the row was written last. */
  readonly state?: StateOptions
}
