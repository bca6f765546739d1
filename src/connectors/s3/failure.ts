import { SinkUnauthorized, SinkUnavailable } from '../../errors/sink.js'
import type { Target } from '../ledger-chain/target.js'
import { BucketFailure } from './bucket.js'
import { NO_SDK } from './sdk-bucket.js'

/** Answers that a person has to see to, though their status doesn't say so, or though there is none. */
const MENDABLE = new Set([NO_SDK, 'CredentialsProviderError', 'PermanentRedirect', 'UnknownEndpoint', 'InvalidRegion'])
/** Answers that pass by themselves in spite of a status that says the request was wrong. */
const PASSING = new Set(['RequestTimeout', 'RequestTimeTooSkewed', 'ExpiredToken', 'IncompleteBody', 'SlowDown'])
const PASSING_STATUS = new Set([408, 409, 412, 429])

/** What a failed step means for the sink. Everything that no person has to mend can be tried again. */
export function sinkFailure({ at, target }: Target, doing: string, error: unknown): unknown {
  // Not of the bucket: an abort, a mistake in code, or what has a name already.
  if (!(error instanceof BucketFailure)) return error
  const Failure = mendable(error) ? SinkUnauthorized : SinkUnavailable
  return new Failure({ ...at, target, doing }, error)
}

function mendable({ code, status, message }: BucketFailure): boolean {
  // How the SDK says that it has found no region.
  if (MENDABLE.has(code) || message.includes('Region is missing')) return true
  if (PASSING.has(code) || status === null || PASSING_STATUS.has(status)) return false
  return status >= 300 && status < 500
}
