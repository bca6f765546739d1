import type { AsyncContext, AsyncOptions, StepContext } from './context.js'
import type { Missing, Unkeyed, Untimed } from './marks.js'
import type { Sink } from './sink.js'

/** A step function: the value first, all else in `ctx`. */
export type Fn<T, K, R> = (value: T, ctx: StepContext<K>) => R

/** `R`, unless it is a promise: a step cannot wait for one. */
export type Sync<R> = R &
  (R extends PromiseLike<unknown> ? Missing<'a synchronous function: use .asyncMap() for promises'> : unknown)

/** What a branch's predicate lets through: narrowed where it is a type guard, also one for wider types than `T`. */
export type Guarded<P, T> = P extends (value: infer V, ...rest: never) => boolean
  ? P extends ((value: V, ...rest: never) => value is infer U extends V)
    ? U extends T
      ? U
      : U & T
    : T
  : T

/** The end of a chain: what `.to()` returns and `steps` must return. */
export interface End<Id extends string, T> {
  readonly '~end': { readonly id: Id; readonly value: T }
}

/**
 * Values `T` on their way, keyed by `K`, with event time or without (`E`). Exists inside `steps` only, where it records
 * what is to be done; nothing flows through it.
 *
 * Every step has an id: kebab-case, at most 64 characters, unique among the pipeline's sources, steps and sinks.
 * Every stream must be used further or ended with `.to()`; one used several times hands each value to all users, first
 * to steps, then to sinks, each in the order in which they were defined. Step functions but `asyncMap`'s are synchronous and pure: they
 * use `ctx.now` and `ctx.random()` instead of the clock and `Math.random()`, and do not change the values they are given.
 */
export interface Stream<T, K = Unkeyed, E = Untimed> {
  readonly '~stream': { readonly value: T; readonly key: K; readonly time: E }
  /** One value for each value. A throw makes the record a bad record: see `onError`. */
  map<R>(id: string, fn: Fn<T, K, Sync<R>>): Stream<R, K, E>
  /** Only the values for which `fn` is true; a type guard narrows the stream. */
  filter<U extends T>(id: string, fn: (value: T, ctx: StepContext<K>) => value is U): Stream<U, K, E>
  filter(id: string, fn: Fn<T, K, boolean>): Stream<T, K, E>
  /** Any number of values for each value, in the order of the iterable. A generator is read value by value. */
  flatMap<R>(id: string, fn: Fn<T, K, Iterable<Sync<R>>>): Stream<R, K, E>
  /**
   * One value for each value, of a function that asks the outside world: calls run side by side, results come in the order
   * of their values. A call that rejects or takes too long, `retry` included, makes the record a bad record: see `onError`.
   *
   * What comes out is exactly-once; the calls are made at least once: after a failure, records that no sink has committed
   * are processed again. `ctx.idempotencyKey` is the same then. All transactional sinks of the pipeline, that of dead
   * letters included, must share one ledger, since two could come to hold results of different calls. A sink without a
   * ledger may be given both.
   */
  asyncMap<R>(id: string, fn: (value: T, ctx: AsyncContext<K>) => Promise<R>, options?: AsyncOptions): Stream<R, K, E>
  /**
   * Splits into one stream per predicate: each value goes to the first, in the order they are written, that is true for
   * it, and nowhere if none is (see `otherwise`). Type guards narrow each branch.
   */
  branch<const P extends Readonly<Record<string, Fn<T, K, boolean>>>>(
    id: string,
    branches: P,
  ): { readonly [N in keyof P]: Stream<Guarded<P[N], T>, K, E> }
  /** This stream and all the others as one. */
  merge<U>(id: string, ...others: readonly [Stream<U, K, E>, ...Stream<U, K, E>[]]): Stream<T | U, K, E>
  /** Ends the chain in `sink`. The id names the sink's ledger: never change it. */
  to<const Id extends string>(id: Id, sink: Sink<T>): End<Id, T>
}

/** The last predicate of a branch: takes what no other took. */
export const otherwise = (): true => true
