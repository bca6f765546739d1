import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Receipt } from '../../../definition/sink.js'
import { ReceiptLost, SinkBehind, SinkUnavailable } from '../../../errors/sink.js'
import type { Target } from './failure.js'

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
 * So two readings must agree, and as long as they show less than history knows, or than was `seen` before, others follow
 * until `until`.
 */
export async function settled(
  read: () => Promise<Receipt | null>,
  fence: (found: Receipt | null) => Receipt,
  { settleMs, until, seen, target, signal }: Patience,
): Promise<Settled> {
  let newest = seen?.seq ?? 0
  let found = await read()
  for (let pause = settleMs; ;) {
    const judged = judge(found, fence)
    newest = Math.max(newest, found?.seq ?? 0)
    await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
    const again = await read()
    if (!isDeepStrictEqual(again, found)) {
      found = again
      continue
    }
    const { receipt, error, isShort } = judged
    const isLate = performance.now() > until
    const shown = found?.seq ?? 0
    if (receipt !== undefined && shown >= newest && (!isShort || isLate)) return { found, receipt }
    if (isLate) {
      if (receipt === undefined) throw error
      const reason = `the coordinator shows commit ${shown} of its ledger, and has shown commit ${newest} before`
      throw new SinkUnavailable({ ...target.at, target: target.target, doing: 'open its ledger', reason })
    }
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS)
  }
}

export interface Patience {
  readonly settleMs: number
  /** From then on a ledger that shows less than history knows is believed; one that shows less than it has, never. */
  readonly until: number
  /** What it has shown before. */
  readonly seen: Receipt | null
  readonly target: Target
  readonly signal: AbortSignal
}

/**
 * What the ledger shows before it is fenced, as soon as that is no less than history knows. A coordinator that loads is
 * better not written to, and fencing makes it write: it takes what comes then for the end of its log, or loads once more.
 * Throws what `fence` does about a newer owner: a stale claim had better learn so before it fences its successor.
 */
export async function caughtUp(
  look: () => Promise<Receipt | null>,
  fence: (found: Receipt | null) => Receipt,
  { settleMs, until, signal }: Pick<Patience, 'settleMs' | 'until' | 'signal'>,
): Promise<Receipt | null> {
  for (let pause = settleMs; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const seen = await look()
    if (!judge(seen, fence).isShort || performance.now() > until) return seen
    await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

interface Judged {
  readonly receipt?: Receipt
  readonly error?: unknown
  /** Less than history knows of is shown; it may be a receipt that is to be committed all the same. */
  readonly isShort: boolean
}

/** What `fence` says of a reading. Throws what isn't about how much it shows. */
function judge(found: Receipt | null, fence: (found: Receipt | null) => Receipt): Judged {
  try {
    const receipt = fence(found)
    return { receipt, isShort: found === null && receipt.seq > 1 }
  } catch (error) {
    if (error instanceof SinkBehind || error instanceof ReceiptLost) return { error, isShort: true }
    throw error
  }
}
