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
