/**
 * Settles as `work` does, whose signal aborts after `ms` or with `signal`. Not `AbortSignal.any` with `AbortSignal.timeout`: Node 20
 * lets the garbage collector take that time-out, which then never comes (nodejs/node#57736).
 */
export async function withTimeLimit<R>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  signal.throwIfAborted()
  const limit = new AbortController()
  const end = (): void => limit.abort(signal.reason)
  const timer = setTimeout(() => limit.abort(new DOMException(`no answer within ${ms / 1_000} s`, 'TimeoutError')), ms)
  signal.addEventListener('abort', end, { once: true })
  try {
    return await work(limit.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}
