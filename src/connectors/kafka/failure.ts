import { reasonOf, TidemarkError } from '../../errors/base.js'
import { type SourcePlace, SourceUnauthorized, SourceUnsupported } from '../../errors/source.js'
import { meaningOf } from './protocol/error-codes.js'

/** A failure that may pass by itself: no leader just now, a connection lost, a time-out. */
export class PassingFailure extends Error {
  /** How many partitions the topic has, where ours isn't among them; 0: no such topic. Null: that isn't the failure. */
  readonly found: number | null

  constructor(message: string, found: number | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.found = found
  }
}

/** What an error code in a broker's answer comes to. `operation`: what was asked, as in "not allowed to …". */
export function failureOfCode(code: number, operation: string, place: SourcePlace): Error {
  const { name, means } = meaningOf(code)
  if (means === 'forbidden') return new SourceUnauthorized({ ...place, operation }, new Error(name))
  if (means === 'unsupported')
    return new SourceUnsupported({ ...place, needed: `a broker that can ${operation}`, found: name })
  return new PassingFailure(`the broker answered ${name} when asked to ${operation}`)
}

/** What kafkajs throws, as far as it is looked at. */
interface KafkajsError extends Error {
  readonly cause?: unknown
  /** Of a protocol error: its number. Of a connection error: what Node calls it. */
  readonly code?: unknown
}

/** kafkajs reports a connection lost while authenticating as an authentication failure; only the text tells. */
const LOST = /closed connection|connection (error|timeout|closed)|not connected|timed out|disconnected/i
const TLS = /^(ERR_(SSL|TLS)_|CERT_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|HOSTNAME_MISMATCH|EPROTO$)/

/** What anything thrown on the way to a broker comes to: an error to hand on, or a `PassingFailure`. */
export function failureOf(thrown: unknown, place: SourcePlace): Error {
  if (thrown instanceof TidemarkError || thrown instanceof PassingFailure) return thrown
  const { kind, what, cause } = meetingWith(thrown)
  if (kind === 'unauthorized') return new SourceUnauthorized({ ...place, operation: what }, cause)
  if (kind === 'unsupported')
    return new SourceUnsupported({ ...place, needed: 'Kafka 3.6 or later', found: what }, cause)
  return new PassingFailure(what, null, cause)
}

/** How the way to a broker ended: refused by it, beyond it, or in a failure that may pass. */
export interface Meeting {
  readonly kind: 'unauthorized' | 'unsupported' | 'passing'
  /** Unauthorized: what was not allowed. Else the reason. */
  readonly what: string
  readonly cause: unknown
}

/** What kafkajs threw, or Node below it. */
export function meetingWith(thrown: unknown): Meeting {
  const cause = innermost(thrown)
  const reason = reasonOf(cause)
  const { name, code } = cause as KafkajsError
  const refused = name === 'KafkaJSSASLAuthenticationError' && !LOST.test(reason)
  if (refused || (typeof code === 'number' && meaningOf(code).means === 'forbidden'))
    return { kind: 'unauthorized', what: 'authenticate', cause }
  if (typeof code === 'string' && TLS.test(code)) return { kind: 'unauthorized', what: 'connect over TLS', cause }
  const kind = name === 'KafkaJSServerDoesNotSupportApiKey' ? 'unsupported' : 'passing'
  return { kind, what: reason, cause }
}

/** kafkajs wraps an error once for having been tried, again for not being tried any more. */
function innermost(thrown: unknown): unknown {
  let error = thrown
  for (let depth = 0; depth < 5; depth++) {
    const { name, cause } = error as KafkajsError
    if (!(cause instanceof Error) || (name !== 'KafkaJSNumberOfRetriesExceeded' && name !== 'KafkaJSNonRetriableError'))
      break
    error = cause
  }
  return error
}
