/** What an answer means for the item that was sent. */
export type Verdict =
  | 'done'
  /** This item will never be accepted. */
  | 'refused'
  /** Another try can succeed. */
  | 'again'
  /** So for all items: the service asks for a pause. */
  | 'wait'
  /** No item can be sent before somebody mends something. */
  | 'unauthorized'

/**
 * 2xx: done. 408, 425, 5xx: again; 429 and 503: after a pause. 401, 403: nobody's item is at fault. 409 says of an
 * idempotency key that a request with it is still being worked on, where the service knows keys. All others: refused.
 */
export function verdictOf(status: number, dedupes: boolean): Verdict {
  if (status >= 200 && status < 300) return 'done'
  if (status === 429 || status === 503) return 'wait'
  if (status === 408 || status === 425 || status >= 500 || (status === 409 && dedupes)) return 'again'
  if (status === 401 || status === 403) return 'unauthorized'
  return 'refused'
}

/** Longer pauses are cut: an epoch must not stand still for ever. */
const LONGEST_MS = 30_000

/** Milliseconds that a `Retry-After` asks for, in seconds or as a date; null where there is none that makes sense. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null
  const text = header.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_MS) : null
}
