import type { Duration, EpochMs } from '../units.js'
import type { Aggregator } from './aggregator.js'
import type { AsyncContext, AsyncOptions, StepContext } from './context.js'
import type { JoinKind, JoinOptions, JoinTableOptions, Left, Right } from './joins.js'
import type { EventTime, Missing, NeedsBoth, NeedsKey, Unkeyed, Untimed } from './marks.js'
import type { Serde } from './serde.js'
import type { Sink } from './sink.js'
import type { StateOptions } from './state-options.js'
import type { StatefulStep } from './stateful-step.js'
import type { Table } from './table.js'
import type { AggregatorFor, SessionWindow, TimeWindow, Windowed, WindowOptions } from './windows.js'

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
   * are processed again. `ctx.idempotencyKey` is the same then. All transactional sinks of its stage, that of dead letters
   * included, must share one ledger, since two could come to hold results of different calls; or the pipeline has a state
   * backend, which keeps results until all have them. Steps with state in its stage ask for that, too: they see records in
   * their order, so behind them calls are made for one record at a time. A sink without a ledger may be given both.
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
  /**
   * Only the first value of each id: others are dropped until the stream's time, the latest `ctx.timestamp` that has come
   * here, is more than `within` later than it was then. Per partition of the source, whatever the key: ids that come in
   * several partitions are not found. Ids in state take about their length each.
   */
  dedupe(id: string, options: { readonly by: Fn<T, K, string>; readonly within: Duration }): Stream<T, K, E>
  /**
   * Gives each value its event time. The watermark, behind which no value is expected any more, is the latest of all
   * times, less `maxDisorder` and 1 ms; it moves when the value is through. Times are whole ms: fractions are dropped.
   * What is no time, or no valid one, makes the record a bad record. Where streams come together, the
   * earliest of their watermarks counts; with `idleAfter`, not that of a stream without values for so long, by the time of
   * epochs: an outage between two of them counts. What comes then may be late. Behind a `repartition`, the same goes for partitions that nothing comes from.
   */
  eventTime(
    id: string,
    timestamp: Fn<T, K, Date | EpochMs>,
    options: { readonly maxDisorder: Duration; readonly idleAfter?: Duration },
  ): Stream<T, K, EventTime>
  /**
   * Another key. Nothing is moved: values with one key must be in one partition already, and `alreadyPartitioned` says
   * that you know. A Kafka source checks it with the hash of Kafka's own producers, over the partitions there are when a
   * worker claims the task: a key that belongs elsewhere makes the record a bad record (`KeyNotInPartition`), as a
   * function that returns null or undefined does.
   */
  keyBy<K2>(
    id: string,
    key: Fn<T, K, K2>,
    options: { readonly key: Serde<K2>; readonly alreadyPartitioned: true },
  ): Stream<T, K2, E>
  /**
   * Another key, by which values go to other partitions: this stage ends in a topic of Tidemark's own, and another begins
   * that reads it. Exactly once, as everything else. Values with one key stay in the order of the partition they come from.
   *
   * On a Kafka source's cluster, the topic is `tidemark.<namespace>.<pipeline>.<id>-repartition`. It is made with
   * `partitions`, by default as many as the largest topic that this stage reads has; one found with another number is
   * `PartitionCountMismatch`. Where what comes out is joined or merged with a source, it has as many as that one, or it is
   * `NotCoPartitioned`. `ctx.timestamp` and `ctx.headers` stay as they were, and so does event time: the watermark
   * behind it is the least of all tasks before it, those left out that nothing came from for `idleAfter` of their `eventTime`.
   */
  repartition<K2, V>(
    id: string,
    key: Fn<T, K, K2>,
    options: { readonly key: Serde<K2>; readonly value: Serde<V, T>; readonly partitions?: number },
  ): Stream<V, K2, E>
  /** How many values its key has had so far, for each value. */
  readonly count: NeedsKey<K, StatefulMethods<T, K, E>['count']>
  /** All values of its key so far folded into one, for each value. `fn` must not change what it is given. */
  readonly reduce: NeedsKey<K, StatefulMethods<T, K, E>['reduce']>
  /** The aggregator's result over all values of its key so far, for each value. */
  readonly aggregate: NeedsKey<K, StatefulMethods<T, K, E>['aggregate']>
  /** State and timers of your own, per key. */
  readonly stateful: NeedsKey<K, StatefulMethods<T, K, E>['stateful']>
  /**
   * The aggregator's result per key and window of event time, with the window's last ms as its own time. A window closes
   * when the watermark has passed its end by `grace`; those that close at once do so in the order of (end, key). Values
   * whose windows have all closed go to `late`, which may be left unused.
   */
  readonly window: NeedsBoth<K, E, StatefulMethods<T, K, E>['window']>
  /**
   * `combine` of each pair of a value here and one of `other` with the same key, whose times are `within` of each other,
   * with the later of both as its time; it comes out when the second of them has come. Values that meet none come out, where
   * `how` asks for them, with their own time, when the watermark of both streams has passed the last that they could have
   * met by `grace`. Values that are behind the watermark by `grace` or more go to `late`, which may be left unused.
   */
  readonly join: NeedsBoth<K, E, StatefulMethods<T, K, E>['join']>
  /**
   * `combine` of each value and the row of its key, as the table is when the value comes: the records of all sources go
   * through the steps by their timestamps, as far as they are there. Later changes of the row make no further result.
   */
  readonly joinTable: NeedsKey<K, StatefulMethods<T, K, E>['joinTable']>
  /** Ends the chain in `sink`. The id names the sink's ledger: never change it. */
  to<const Id extends string>(id: Id, sink: Sink<T>): End<Id, T>
}

/** Methods, not functions: so that a stream of something is also one of anything that has less of it. */
interface StatefulMethods<T, K, E> {
  count(id: string, options?: StateOptions): Stream<number, K, E>
  reduce(id: string, fn: (a: T, b: T) => T, options?: StateOptions): Stream<T, K, E>
  aggregate<A, R>(id: string, aggregator: Aggregator<T, A, R>, options?: StateOptions): Stream<R, K, E>
  stateful<S, R1, R2 = never>(id: string, step: StatefulStep<T, K, E, S, R1, R2>): Stream<R1 | R2, K, E>
  window<W extends TimeWindow | SessionWindow, A, R>(
    id: string,
    over: W,
    aggregator: AggregatorFor<W, T, A, R>,
    options?: WindowOptions,
  ): WindowedStream<T, K, R>
  join<U, R, const H extends JoinKind = 'inner'>(
    id: string,
    other: Stream<U, K, EventTime>,
    options: JoinOptions<H>,
    combine: (left: Left<H, T>, right: Right<H, U>, ctx: StepContext<K>) => Sync<R>,
  ): JoinedStream<T, U, K, R>
  joinTable<V, R, const H extends 'inner' | 'left' = 'inner'>(
    id: string,
    table: Table<V, K>,
    options: JoinTableOptions<H>,
    combine: (value: T, row: Right<H, V>, ctx: StepContext<K>) => Sync<R>,
  ): Stream<R, K, E>
}

/** Results of windows; `late` are the values that came when their windows had closed. */
export interface WindowedStream<T, K, R> extends Stream<Windowed<K, R>, K, EventTime> {
  readonly late: Stream<T, K, EventTime>
}

/** Results of a join; `late` are the values of either side that came when others might have gone that they would have met. */
export interface JoinedStream<T, U, K, R> extends Stream<R, K, EventTime> {
  readonly late: { readonly left: Stream<T, K, EventTime>; readonly right: Stream<U, K, EventTime> }
}

/** The last predicate of a branch: takes what no other took. */
export const otherwise = (): true => true
