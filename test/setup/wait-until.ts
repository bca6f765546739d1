import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** What is waited for, for the error: 'the pipeline to park'. */
  readonly for?: string
  /** In ms. Default 45,000: a broker, a worker or a claim may take that long on a busy machine. */
  readonly timeoutMs?: number
  /** In ms, between two looks. Default 50. */
  readonly every?: number
}

/**
 * Calls `look` until it returns something truthy, and returns that. Throws when the time is up, saying what `look` returned
 * or threw last.
 */
export async function waitUntil<T>(
  look: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { timeoutMs = 45_000, every = 50 } = options
  const deadline = Date.now() + timeoutMs
  let last: string
  let cause: unknown
  do {
    try {
      const seen = await look()
      if (seen) return seen as Exclude<T, false | null | undefined | 0 | ''>
      ;[last, cause] = [`returned ${String(seen)}`, undefined]
    } catch (error) {
      ;[last, cause] = [`threw ${String(error)}`, error]
    }
    await sleep(every)
  } while (Date.now() < deadline)
  const what = options.for ?? String(look)
  throw new Error(`waited ${timeoutMs / 1000} s for ${what}; it last ${last}`, cause === undefined ? {} : { cause })
}
