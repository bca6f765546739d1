import type { EpochMs } from '../units.js'
import type { StepContext } from './context.js'
import type { NeedsTime } from './marks.js'
import type { StatefulOptions } from './state-options.js'

/** The state of the value's key. Valid during the call only. */
export interface StateHandle<S> {
  /** What was set last; `init()` where nothing was. */
  get(): Readonly<S>
  /** The only way to change it: what is done to the object itself is lost, or worse. Not `undefined`: see `clear`. */
  set(next: S): void
  /** Nothing is kept for the key any more. Its timers stay. */
  clear(): void
}

/** Timers of the value's key: one per name, setting it again moves it, to the other clock too. Part of the state. */
export interface Timers<E> {
  /** Fires when the watermark has reached `at`: in the order of (time, key, name), after the record that moved the watermark. */
  atEventTime: NeedsTime<E, (name: string, at: EpochMs) => void>
  /** Fires at the start of the first epoch that starts at `at` or later. */
  atProcessingTime(name: string, at: EpochMs): void
  cancel(name: string): void
}

export interface StatefulContext<K, E> extends StepContext<K> {
  readonly timers: Timers<E>
  /** No value with this time or an earlier one is expected; -Infinity before the first, Infinity at the end of a bounded run. */
  readonly watermark: EpochMs
}

export interface TimerContext<K, E> extends Omit<StatefulContext<K, E>, 'headers' | 'origin' | 'reject'> {
  /** `at` is the time for which it was set. */
  readonly timer: { readonly name: string; readonly at: EpochMs; readonly clock: 'event' | 'processing' }
}

/** State and timers of one's own, per key. What the functions return is handed on, in its order. */
export interface StatefulStep<T, K, E, S, R1, R2> {
  readonly init: () => S
  readonly onRecord: (value: T, state: StateHandle<S>, ctx: StatefulContext<K, E>) => readonly R1[]
  /**
   * What it returns has the timer's time as event time, or `ctx.now` for a processing timer. A timer that it sets fires
   * in the same round only if it is later than its own and the round's time has reached it: never again and again.
   */
  readonly onTimer?: (state: StateHandle<S>, ctx: TimerContext<K, E>) => readonly R2[]
  readonly state?: StatefulOptions<S>
}
