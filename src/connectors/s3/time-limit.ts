/**
 * Settles as `work` does, whose signal aborts after `ms` or with `signal`: then at the latest, whether or not `work` heeds
 * that, as a provider of credentials does not. Not `AbortSignal.any` with `AbortSignal.timeout`: Node 20
 * lets the garbage collector take that time-out, which then never comes (nodejs/node#57736).
 */
export async function withTimeLimit<R>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  signal.throwIfAborted()
  const limit = new AbortController()
  const over = new Promise<never>((_, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error), { once: true })
  })
  const end = (): void => limit.abort(signal.reason)
  const timer = setTimeout(() => limit.abort(new DOMException(`no answer within ${ms / 1_000} s`, 'TimeoutError')), ms)
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([work(limit.signal), over])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}
