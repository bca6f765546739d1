import { setTimeout as sleep } from 'node:timers/promises'
import type { Receipt, SinkContext } from '../../definition/sink.js'
import { GenerationFenced } from '../../errors/ownership.js'
import { ReceiptLost, SinkUnavailable } from '../../errors/sink.js'
import type { Link } from './link.js'
import type { Target } from './target.js'

/** A chain of entries with an exclusive create. Every call may be overtaken by another owner's. */
export interface Chain<E extends Link> {
  /** The newest entry, null where nothing was ever committed. */
  newest(): Promise<E | null>
  /** True: created, durably. False: another owner's is there. Throws where nobody can tell. */
  create(entry: E): Promise<boolean>
}

/** How long at most to wait before trying again after losing to another opening, in ms. */
const BACKOFF_MS = 20

/** Reads, asks, creates the fence entry; from the start if another owner was quicker (PROTOCOL §2.1). */
export async function takeOver<E extends Link>(
  chain: Chain<E>,
  ctx: SinkContext,
  place: string,
  fenceEntry: (receipt: Receipt, newest: E | null) => E,
): Promise<{ readonly newest: E | null; readonly fence: E }> {
  for (;;) {
    ctx.signal.throwIfAborted()
    const newest = await chain.newest()
    const receipt = ctx.fence(newest?.receipt ?? null, place)
    const seq = (newest?.seq ?? 0) + 1
    if (newest === null && receipt.seq > 1) {
      const { pipeline, stage, partition, sinks } = ctx
      throw new ReceiptLost({ pipeline, stage, partition, sink: sinks.join(','), checkpointSeq: receipt.seq - 1 })
    }
    if (receipt.seq !== seq) throw new RangeError(`a fence receipt of seq ${receipt.seq} cannot follow ${seq - 1}`)
    const fence = fenceEntry(receipt, newest)
    if (await chain.create(fence)) return { newest, fence }
    await sleep(Math.random() * BACKOFF_MS)
  }
}

/** The link that follows `before`, or the first one. */
export function linkAfter(before: Link | null, ledger: string, receipt: Receipt, nonce: string): Link {
  return { version: 1, ledger, seq: receipt.seq, nonce, predecessor: before?.nonce ?? null, receipt }
}

/** Why the entry of that seq was not ours to create. */
export async function overtaken(
  chain: Pick<Chain<Link>, 'newest'>,
  ctx: SinkContext,
  { at, target }: Target,
  seq: number,
): Promise<Error> {
  const newest = await chain.newest()
  if (newest === null || newest.seq < seq) {
    const reason = 'its ledger or what it was about to commit was taken away under it'
    return new SinkUnavailable({ ...at, target, doing: 'commit', reason })
  }
  const { pipeline, stage, partition, owner } = ctx
  return new GenerationFenced({ pipeline, stage, partition, sink: at.sink, owner, ledgerOwner: newest.receipt.owner })
}
