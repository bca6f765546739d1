/** Type-level marks of a stream. None of them exists at run time. */

/** Named in an editor's error when a step is used where it cannot be: the text says what to do. */
export interface Missing<Message extends string> {
  readonly '~missing': Message
}
/** Marks a stream without a typed key; `ctx.key` is then the raw bytes. */
export interface Unkeyed {
  readonly '~unkeyed': true
}
/** Marks a stream without event time. */
export interface Untimed {
  readonly '~untimed': true
}
/** Marks a stream with event time and a watermark. */
export interface EventTime {
  readonly '~eventTime': true
}

/** `F`, of a stream with a key. */
export type NeedsKey<K, F> = [K] extends [Unkeyed]
  ? Missing<'a key: give the source a `key` serde, or call .repartition() first'>
  : F
/** `F`, of a stream with event time. */
export type NeedsTime<E, F> = [E] extends [Untimed]
  ? Missing<'event time: call .eventTime(id, timestamp, options) first'>
  : F
/** `F`, of a stream with both. */
export type NeedsBoth<K, E, F> = NeedsKey<K, NeedsTime<E, F>>
