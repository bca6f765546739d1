/**
 * The **next** position to read in one partition of one source; for Kafka a decimal offset. Opaque but for its order.
 * Off by one here is data loss.
 */
export type Position = string

/** Next positions of a task, by source id. A task has one partition number, the same in all its sources. */
export type Positions = Readonly<Record<string, Position>>

/** Orders two positions: negative, zero or positive, as `Array.prototype.sort` wants it. */
export type ComparePositions = (a: Position, b: Position) => number

/** Total order of decimal integers of any length, without parsing them. */
export const compareDecimal: ComparePositions = (a, b) =>
  a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length
