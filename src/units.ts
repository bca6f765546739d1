/** Durations, sizes and times as users write them. Sandbox-safe: no imports, no I/O. */

type DurationUnit =
  | 'ms'
  | 's'
  | 'm'
  | 'h'
  | 'd'
  | 'w'
  | 'millisecond'
  | 'milliseconds'
  | 'second'
  | 'seconds'
  | 'minute'
  | 'minutes'
  | 'hour'
  | 'hours'
  | 'day'
  | 'days'
  | 'week'
  | 'weeks'

/** Milliseconds as a number, or a string with a unit: `'500ms'`, `'5s'`, `'1 hour'`. Assignable to Temporal's `Duration`. */
export type Duration = number | `${number}${'' | ' '}${DurationUnit}`

/** Bytes as a number, or a string with a binary unit: `'512 KiB'`, `'8MiB'`. */
export type Bytes = number | `${number}${'' | ' '}${'B' | 'KiB' | 'MiB' | 'GiB'}`

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number

const DURATION = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d|w|milliseconds?|seconds?|minutes?|hours?|days?|weeks?)$/
const MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 }

/** Milliseconds of `duration`, or `null` where it is none: not finite, negative, or an unknown unit. */
export function parseDuration(duration: unknown): number | null {
  if (typeof duration === 'number') return Number.isFinite(duration) && duration >= 0 ? duration : null
  if (typeof duration !== 'string') return null
  const [, amount, unit] = DURATION.exec(duration) ?? []
  if (amount === undefined || unit === undefined) return null
  const scale = unit === 'ms' || unit.startsWith('milli') ? 1 : (MS[unit.charAt(0)] ?? 1)
  return Number(amount) * scale
}

const SIZE = /^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB)$/
const SCALE: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** Bytes of `size`, or `null` where it is none: not finite, negative, or an unknown unit. */
export function parseBytes(size: unknown): number | null {
  if (typeof size === 'number') return Number.isFinite(size) && size >= 0 ? size : null
  if (typeof size !== 'string') return null
  const [, amount, unit] = SIZE.exec(size) ?? []
  if (amount === undefined || unit === undefined) return null
  return Math.floor(Number(amount) * (SCALE[unit] ?? 1))
}
