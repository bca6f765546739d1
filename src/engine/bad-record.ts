import type { OnError } from '../definition/blueprint.js'
import type { DeadLetter } from '../definition/dead-letter.js'
import { TidemarkError, reasonOf } from '../errors/base.js'
import { RecordError } from '../errors/families.js'
import { DecodeFailed, StepFailed } from '../errors/record.js'
import type { Problem } from '../protocol/checkpoint.js'
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
  const { record, place, origin, timestamp } = at
  const reason = error.details['reason']
  return {
    reason: typeof reason === 'string' ? reason : error.message,
    error: { code: error.code, message: error.message },
    step: step ?? place.source,
    origin,
    key: record.key,
    value: record.value instanceof Uint8Array ? record.value : null,
    timestamp,
    attempts: 1,
  }
}

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
