import type { Duration, EpochMs } from '../units.js'
import type { Aggregator, MergeableAggregator } from './aggregator.js'
import type { StateOptions } from './state-options.js'

/** Windows of one size. Made by `tumbling`, `hopping` and `sliding`. */
export interface TimeWindow {
  readonly '~window': 'fixed'
}
/** Windows that end with a pause. Made by `session`. */
export interface SessionWindow {
  readonly '~window': 'session'
}

/** One window's result. `end` is exclusive: the first ms behind it. */
export interface Windowed<K, R> {
  readonly key: K
  readonly start: EpochMs
  readonly end: EpochMs
  readonly value: R
}

/** Windows as they were asked for, unchecked. */
export type WindowArguments =
  | { readonly kind: 'tumbling'; readonly size: unknown; readonly offset: unknown }
  | { readonly kind: 'hopping'; readonly size: unknown; readonly every: unknown; readonly offset: unknown }
  | { readonly kind: 'sliding'; readonly size: unknown }
  | { readonly kind: 'session'; readonly gap: unknown }

const given = new WeakMap<object, WindowArguments>()

/** What a window was made with; undefined: it is none. */
export function windowArgumentsOf(window: unknown): WindowArguments | undefined {
  return typeof window === 'object' && window !== null ? given.get(window) : undefined
}

function made<W extends TimeWindow | SessionWindow>(window: W, args: WindowArguments): W {
  given.set(Object.freeze(window), args)
  return window
}

/** Windows of `size`, side by side: each value is in one. They start at 1970-01-01T00:00Z + `offset` and multiples of `size` from there. */
export function tumbling(size: Duration, options: { readonly offset?: Duration } = {}): TimeWindow {
  return made({ '~window': 'fixed' }, { kind: 'tumbling', size, offset: options.offset ?? 0 })
}

/** A window of `size` starts `every` so often: each value is in all that reach over it. `every` is at most `size`. */
export function hopping(size: Duration, options: { readonly every: Duration; readonly offset?: Duration }): TimeWindow {
  return made({ '~window': 'fixed' }, { kind: 'hopping', size, every: options?.every, offset: options?.offset ?? 0 })
}

/**
 * A window for each set of values that are at most `size` apart: those that end at a value, and those that begin right
 * behind one, as Kafka Streams' `SlidingWindows`. Values at most `size` apart share a window, both ends included: `end` is
 * `start + size + 1`. Unlike other windows it takes no value that is later than `grace`.
 */
export function sliding(size: Duration): TimeWindow {
  return made({ '~window': 'fixed' }, { kind: 'sliding', size })
}

/** A window for values of which none is more than `gap` later than the one before: `start` is the first's time, `end` the last's + `gap`. */
export function session(gap: Duration): SessionWindow {
  return made({ '~window': 'session' }, { kind: 'session', gap })
}

export interface WindowOptions {
  /** How much further the watermark has to come before a window closes. Default 0: `maxDisorder` is waited for anyway. */
  readonly grace?: Duration
  /** `'final'`, the default: one result, when the window closes. `'updates'`: one for each value that changes or makes it, and none when it closes. */
  readonly emit?: 'final' | 'updates'
  /** Of accumulators. */
  readonly state?: Pick<StateOptions, 'version' | 'migrate'>
}

/** The aggregators that windows `W` can use: sessions merge. */
export type AggregatorFor<W, T, A, R> = W extends SessionWindow ? MergeableAggregator<T, A, R> : Aggregator<T, A, R>
