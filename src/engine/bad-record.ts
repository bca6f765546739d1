import type { OnError } from '../definition/blueprint.js'
import type { DeadLetter } from '../definition/dead-letter.js'
import type { Origin } from '../definition/sink.js'
import { TidemarkError, reasonOf } from '../errors/base.js'
import { RecordError } from '../errors/families.js'
import { DecodeFailed, StepFailed } from '../errors/record.js'
import type { Problem } from '../protocol/checkpoint.js'
import type { EpochMs } from '../units.js'
import type { Flow } from './flow.js'

/** A record: the one under way, or that of an output. */
type At = Pick<Flow, 'place' | 'record' | 'origin' | 'timestamp'>

/** What was thrown while a record was under way, as an error of that record. `step` null: its source's decoding. */
export function recordErrorOf(thrown: unknown, { place, origin }: At, step: string | null): RecordError {
  if (thrown instanceof RecordError) return thrown
  const at = { pipeline: place.pipeline, stage: place.stage, origin, reason: reasonOf(thrown) }
  return step === null ? new DecodeFailed(at, thrown) : new StepFailed({ ...at, step }, thrown)
}

/** What the pipeline's `onError` says of one bad record. */
export function verdictOn(
  policy: OnError,
  error: RecordError,
  { place, origin }: At,
  step: string | null,
): 'fail' | 'skip' | 'deadLetter' {
  if (policy.kind !== 'deadLetter') return policy.kind
  const failure = { code: error.code, step: step ?? place.source, error, origin }
  return policy.when(failure) ? 'deadLetter' : 'fail'
}

/** The record as the dead-letter sink gets it. */
export function deadLetterOf(error: RecordError, at: At, step: string | null): DeadLetter {
  return new Letter(error, at, step)
}

class Letter implements DeadLetter {
  readonly reason: string
  readonly error: DeadLetter['error']
  readonly step: string
  readonly origin: Origin
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: EpochMs
  readonly attempts = 1

  constructor(error: RecordError, { record, place, origin, timestamp }: At, step: string | null) {
    const reason = error.details['reason']
    this.reason = typeof reason === 'string' ? reason : error.message
    this.error = { code: error.code, message: error.message }
    this.step = step ?? place.source
    this.origin = origin
    this.key = record.key
    this.value = record.value instanceof Uint8Array ? record.value : null
    this.timestamp = timestamp
  }

  /** JSON has no bytes, and a list of numbers would be four times as long. */
  toJSON(): unknown {
    const { reason, error, step, origin, key, value, timestamp, attempts } = this
    return { reason, error, step, origin, key: base64(key), value: base64(value), timestamp, attempts }
  }
}

const base64 = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Longer texts of users' own errors would only fill history. */
const MESSAGE_LIMIT = 500

/** An error as a parked task shows it. */
export function problemOf(error: unknown, at: number): Problem {
  const message = reasonOf(error)
  const cut = message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT)}…` : message
  if (!(error instanceof TidemarkError)) {
    return { code: 'StepFailed', message: cut, next: 'see the worker log', details: {}, at }
  }
  return { code: error.code, message: cut, next: error.next, details: short(error.details), at }
}

/** Details go into history: long texts are cut, what JSON can't hold is left out. */
function short(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(details)) {
    if (typeof value === 'string')
      kept[name] = value.length > MESSAGE_LIMIT ? `${value.slice(0, MESSAGE_LIMIT)}…` : value
    else if (value === null || typeof value === 'number' || typeof value === 'boolean') kept[name] = value
    else if (typeof value === 'object' && JSON.stringify(value).length <= MESSAGE_LIMIT) kept[name] = value
  }
  return kept
}
