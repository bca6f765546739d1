/** How long decoding one record may take, where it is asynchronous. */
export const DECODE_MS = 60_000

/** Settles as `work` does; rejects when that takes longer than `ms`, and with the reason of `signal` when that aborts. */
export async function inTime<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let end: () => void = () => undefined
  const cut = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`it has not settled within ${ms / 1_000} s`)), ms)
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  })
  try {
    return await Promise.race([work, cut])
  } finally {
    end()
  }
}
