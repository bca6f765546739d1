import { reasonOf, TidemarkError } from '../../../errors/base.js'
import { SinkUnauthorized, SinkUnavailable, type SinkAt } from '../../../errors/sink.js'
import { meetingWith } from '../failure.js'
import { Unsupported } from './links.js'
import { Refusal } from './refusal.js'

/** Which sinks, and which cluster they write to: what every error of them says. */
export interface Target {
  readonly at: SinkAt
  /** `Kafka cluster default` */
  readonly target: string
}

/** What a failed step means for the sink. Everything that no person has to mend can be tried again. */
export function sinkFailure({ at, target }: Target, doing: string, error: unknown): unknown {
  if (error instanceof TidemarkError || isOurs(error)) return error
  const failed = { ...at, target, doing }
  if (error instanceof Unsupported) return new SinkUnauthorized({ ...failed, reason: error.message }, error)
  if (error instanceof Refusal) {
    const reason = reasonFor(error)
    return new (mendable.has(error.means) ? SinkUnauthorized : SinkUnavailable)({ ...failed, reason }, error)
  }
  const { kind, what, cause } = meetingWith(error)
  if (kind === 'passing') return new SinkUnavailable({ ...failed, reason: what }, cause)
  const reason = kind === 'unsupported' ? what : `not allowed to ${what}: ${reasonOf(cause)}`
  return new SinkUnauthorized({ ...failed, reason }, cause)
}

/** Not the cluster's: an abort, or a mistake in code. */
const isOurs = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || (error as Error | null)?.name === 'AbortError'

const mendable = new Set<Refusal['means']>(['forbidden', 'missing', 'unsupported', 'refused'])

/** CONCURRENT_TRANSACTIONS, for longer than patience lasts. */
const BEING_ENDED = 51

function reasonFor({ code, means, operation, message }: Refusal): string {
  // Seen of Kafka 4.1 after a restart (docs/recovery-protocol.md §5). No client can end such a transaction.
  if (code === BEING_ENDED) {
    return `${message}: the transaction before is being ended; if this lasts, restart the broker that leads its partition of __transaction_state`
  }
  if (means === 'forbidden') return `not allowed to ${operation} (${message})`
  if (means === 'missing') return `there is nothing to ${operation}: create the topic first (${message})`
  return message
}
