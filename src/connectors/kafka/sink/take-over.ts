import { setTimeout as sleep } from 'node:timers/promises'
import type { Receipt } from '../../../definition/sink.js'
import type { Ledger } from './ledger.js'
import type { Place } from './place.js'
import { receiptText } from './receipt-text.js'
import { isFenced } from './refusal.js'
import { caughtUp, settled } from './settled.js'
import type { Transaction } from './transaction.js'

/** How long at most to wait before trying again after losing to another opening, in ms. */
const LONGEST_BACKOFF_MS = 1_000

export interface Taken {
  readonly transaction: Transaction
  /** What was there before, and what is there now. */
  readonly found: Receipt | null
  readonly receipt: Receipt
}

/** Looks, fences, sees to it that nothing older can be read, reads, then commits what `fence` says to what was found; from the start if another one fences meanwhile. */
export async function takeOver(
  ledger: Ledger,
  { transactionMs, settleMs, catchUpMs }: Pick<Place, 'transactionMs' | 'settleMs' | 'catchUpMs'>,
  fence: (found: Receipt | null) => Receipt,
  signal: AbortSignal,
): Promise<Taken> {
  // Of all tries together: else two that wait for so long each would fence each other for ever.
  const until = performance.now() + catchUpMs
  let seen: Receipt | null = null
  for (let backoff = 10; ; backoff = Math.min(2 * backoff, LONGEST_BACKOFF_MS)) {
    signal.throwIfAborted()
    seen = newer(seen, await caughtUp(() => ledger.look(), fence, { settleMs, until, signal }))
    const transaction = await ledger.fence(transactionMs)
    try {
      await transaction.overtake()
      const { found, receipt } = await settled(() => ledger.read(true), fence, {
        settleMs,
        until,
        seen,
        target: ledger.target,
        signal,
      })
      await transaction.commit(receipt.seq, receiptText(receipt, ledger.names.mark), () => undefined)
      return { transaction, found, receipt }
    } catch (error) {
      if (!isFenced(error)) throw error
    }
    await sleep(Math.random() * backoff, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

const newer = (a: Receipt | null, b: Receipt | null): Receipt | null => ((b?.seq ?? 0) > (a?.seq ?? 0) ? b : a)
