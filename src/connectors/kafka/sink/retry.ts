import { setTimeout as sleep } from 'node:timers/promises'
import { TidemarkError } from '../../../errors/base.js'
import { meetingWith } from '../failure.js'
import { Refusal } from './refusal.js'

/** How long failures in a row are taken as passing, in ms. */
export const PATIENCE_MS = 10_000
/** How long a topic may be missing: brokers that restart don't know all topics at once. */
const MISSING_MS = 5_000
/** A transaction that is being ended takes some ms. */
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 500

/** Whether what failed so may be tried again: it passes by itself, and a second time does no harm. */
export type MayRetry = (error: unknown) => boolean

export interface Limits {
  readonly signal: AbortSignal
  readonly patienceMs: number
}

/** Tries until it works, as long as patience lasts, or until `signal` aborts. Rejects with what the last try ran into. */
export async function retried<T>(
  { signal, patienceMs }: Limits,
  attempt: () => Promise<T>,
  mayRetry: MayRetry = passes,
): Promise<T> {
  const began = performance.now()
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      const limit = isMissing(error) ? Math.min(MISSING_MS, patienceMs) : patienceMs
      if (!mayRetry(error) || performance.now() - began + pause > limit) throw error
    }
    await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Refusals that pass, and connections that are lost: nobody knows then whether the broker has done it. */
export function passes(error: unknown): boolean {
  if (error instanceof Refusal) return isPassing(error)
  return (
    !(error instanceof TidemarkError || error instanceof RangeError || error instanceof TypeError) && reachable(error)
  )
}

/** Refusals that pass only. For what must not be asked twice unless it certainly wasn't done. */
export const passesUndone = (error: unknown): boolean => error instanceof Refusal && isPassing(error)

const isPassing = ({ means }: Refusal): boolean => means === 'passing' || means === 'moved' || means === 'missing'

const isMissing = (error: unknown): boolean => error instanceof Refusal && error.means === 'missing'

const reachable = (error: unknown): boolean => meetingWith(error).kind === 'passing'
