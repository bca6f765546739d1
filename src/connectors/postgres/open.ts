import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Receipt, SinkContext } from '../../definition/sink.js'
import { ReceiptLost } from '../../errors/sink.js'
import type { Database, Session } from './database.js'
import { isConflict, isLost, sinkFailure, sqlState, type Target } from './failure.js'
import type { Ledger } from './ledger.js'
import { endHolders, transaction, using } from './transaction.js'

/** How long at most to wait before trying again after losing to another opening, in ms. */
const BACKOFF_MS = 20
/** How long to wait for another owner's transaction to end before it is ended, in ms. */
const LOCK_MS = 250
const LOCK_TIMEOUT = '55P03'
/** Connections lost while opening. More of them, and the claim has failed. */
const LOSSES = 3

export interface Opening {
  readonly database: Database
  readonly ledger: Ledger
  readonly target: Target
  readonly ctx: SinkContext
}

/** What an opening found, and what it committed on top. */
export interface Fenced {
  readonly receipt: Receipt | null
  readonly fence: Receipt
}

/** Reads, asks, commits the fence receipt; from the start if another owner was quicker (PROTOCOL §2). */
export async function takeOver(at: Opening): Promise<Fenced> {
  let losses = 0
  for (;;) {
    at.ctx.signal.throwIfAborted()
    try {
      const fenced = await attempt(at)
      if (fenced !== null) return fenced
    } catch (error) {
      // Whoever ended the connection may be a newer owner: then reading says so.
      const again = isConflict(error) || (isLost(error) && ++losses < LOSSES)
      if (!again) throw error
    }
    await sleep(Math.random() * BACKOFF_MS)
  }
}

function attempt({ database, ledger, target, ctx }: Opening): Promise<Fenced | null> {
  return using(database, ctx.signal, async (session) => {
    const found = await ledger.read(session)
    const fence = ctx.fence(found)
    const seq = (found?.seq ?? 0) + 1
    if (found === null && fence.seq > 1) throw new ReceiptLost({ ...target.at, checkpointSeq: fence.seq - 1 })
    if (fence.seq !== seq) throw new RangeError(`a fence receipt of seq ${fence.seq} cannot follow ${seq - 1}`)
    if (found === null) await createLedger(session, ledger, target)
    const { commit, fence: opening } = ledger.locks
    const settings = { statementMs: database.statementMs, end: 'COMMIT', lock: opening, lockMs: LOCK_MS } as const
    try {
      const done = await transaction(session, settings, async () => {
        const ours = await (found === null ? ledger.begin(session, fence) : ledger.follow(session, found, fence))
        // Nobody can open before we commit: whoever is at work is an older owner.
        if (ours) await endHolders(session, [commit])
        return ours
      })
      return done ? { receipt: found, fence } : null
    } catch (error) {
      if (sqlState(error) !== LOCK_TIMEOUT) throw error
      await session.query('ROLLBACK')
      // Meanwhile a newer owner may have opened, and be at work: it isn't to be ended by one that is refused next.
      if (!isDeepStrictEqual(await ledger.read(session), found)) return null
      // Whoever holds the row so long stands still.
      await transaction(session, settings, () => endHolders(session, [commit, opening]))
      return null
    }
  })
}

async function createLedger(session: Session, ledger: Ledger, target: Target): Promise<void> {
  try {
    await ledger.create(session)
  } catch (error) {
    throw isLost(error) ? error : sinkFailure(target, CREATE, error)
  }
}

const CREATE = 'create the table tidemark_ledger (postgresLedgerDdl() tells how)'
