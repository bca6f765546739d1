import { setTimeout as sleep } from 'node:timers/promises'
import type { Receipt } from '../../../definition/sink.js'
import { ReceiptLost, SinkBehind } from '../../../errors/sink.js'
import type { Place } from './place.js'

/** A coordinator that has got as far as what history knows needs less than this for what came after, in ms. */
export const SETTLE_MS = 100
const LONGEST_PAUSE_MS = 1_000
/** How long a ledger may show less than history knows before that is believed, in ms. */
export const CATCH_UP_MS = 20_000

export interface Settled {
  readonly found: Receipt | null
  readonly receipt: Receipt
}

/**
 * The newest receipt, from a coordinator that may not know it yet. Kafka 4.1's answers while it still loads what was
 * committed, after some restarts of a broker; a marker that it writes meanwhile hides this from `Transaction.overtake`.
 * So two readings must agree, and as long as they show less than history knows, others follow, for `catchUpMs`.
 */
export async function settled(
  read: () => Promise<Receipt | null>,
  fence: (found: Receipt | null) => Receipt,
  { settleMs, catchUpMs, signal }: Pick<Place, 'settleMs' | 'catchUpMs'> & { readonly signal: AbortSignal },
): Promise<Settled> {
  const until = performance.now() + catchUpMs
  let found = await read()
  for (let pause = settleMs; ;) {
    const settling = attempt(() => fence(found))
    // Nothing was ever committed, as far as history knows either.
    if (found === null && settling.receipt?.seq === 1) return { found, receipt: settling.receipt }
    if (settling.error !== undefined && !isShort(settling.error)) throw settling.error
    await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
    const again = await read()
    const agree = again?.seq === found?.seq && again?.owner.claim === found?.owner.claim
    found = again
    if (!agree) continue
    const isLate = performance.now() > until
    if (settling.receipt !== undefined && (found !== null || isLate)) return { found, receipt: fence(found) }
    if (isLate) throw settling.error
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS)
  }
}

/** Whether the ledger shows less than history knows of. */
export const isShort = (error: unknown): boolean => error instanceof SinkBehind || error instanceof ReceiptLost

function attempt(fence: () => Receipt): { readonly receipt?: Receipt; readonly error?: unknown } {
  try {
    return { receipt: fence() }
  } catch (error) {
    return { error }
  }
}
