import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Item, Receipt, TransactionalWriter } from '../../definition/sink.js'
import { GenerationFenced } from '../../errors/ownership.js'
import { SinkUnavailable } from '../../errors/sink.js'
import type { Session } from './database.js'
import { firstRefused, Refused } from './blame.js'
import { isConflict, isRefusal, reasonIn, sinkFailure } from './failure.js'
import type { Fenced, Opening } from './open.js'
import { transaction, using } from './transaction.js'

/** Brings items into the database, within somebody's transaction; the same items may come again. */
export type Apply<W> = (session: Session, items: readonly Item<W>[]) => Promise<void>

/** How long to wait for rows and tables that others hold, in ms. Longer, and the task claims again. */
const LOCK_MS = 10_000
/** Transactions in a row that conflict with others, and how long at most to wait in between, in ms. */
const CONFLICTS = 5
const BACKOFF_MS = 100
/** Longer texts would only fill history. */
const REASON_LIMIT = 300

/** Keeps items in memory, and commits them with their receipt in one transaction: rows first, the receipt last. */
export class PostgresWriter<W> implements TransactionalWriter<W> {
  readonly receipt: Receipt | null
  readonly #at: Opening
  readonly #apply: Apply<W>
  #last: Receipt
  #items: (readonly Item<W>[])[] = []

  constructor(at: Opening, { receipt, fence }: Fenced, apply: Apply<W>) {
    this.receipt = receipt
    this.#at = at
    this.#apply = apply
    this.#last = fence
  }

  write(items: readonly Item<W>[]): Promise<void> {
    if (items.length > 0) this.#items.push(items)
    return Promise.resolve()
  }

  async commit(receipt: Receipt): Promise<void> {
    const { seq } = this.#last
    if (receipt.seq !== seq + 1) throw new RangeError(`a receipt of seq ${receipt.seq} cannot follow ${seq}`)
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.#transact(receipt)
        break
      } catch (error) {
        if (isConflict(error) && conflicts < CONFLICTS) await sleep(Math.random() * BACKOFF_MS)
        else throw await this.#told(error)
      }
    }
    this.#last = receipt
    this.#items = []
  }

  abort(): Promise<void> {
    this.#items = []
    return Promise.resolve()
  }

  async close(): Promise<void> {
    this.#items = []
    await this.#at.database.close()
  }

  #transact(receipt: Receipt): Promise<void> {
    const { ledger } = this.#at
    return this.#within('COMMIT', ledger.locks.commit, async (session) => {
      for (const items of this.#items) await this.#apply(session, items)
      if (!(await ledger.follow(session, this.#last, receipt))) throw new Overtaken()
    })
  }

  #within<R>(end: 'COMMIT' | 'ROLLBACK', lock: string | null, body: (session: Session) => Promise<R>): Promise<R> {
    const { database, ctx } = this.#at
    const settings = { statementMs: database.statementMs, end, lock, lockMs: LOCK_MS }
    return using(database, ctx.signal, (session) => transaction(session, settings, () => body(session)))
  }

  /** Why a commit has failed, as the engine takes it. Calls `ctx.reject` where an item is to blame. */
  async #told(error: unknown): Promise<unknown> {
    const { target, ctx } = this.#at
    let cause = error
    if (isRefusal(error)) {
      const refused = await this.#refused().catch((found: unknown) => (cause = found))
      if (refused instanceof Refused) ctx.reject(refused.item.id, shortened(reasonIn(refused.error)), refused.item.sink)
    }
    const failure = sinkFailure(target, 'commit', cause)
    if (!(failure instanceof SinkUnavailable)) return failure
    // Whoever ended our connection or holds our rows may be our successor: the ledger knows.
    return (await this.#overtaken(cause instanceof Overtaken)) ?? failure
  }

  /** `surely`: what is there isn't this very commit, come through after all. */
  async #overtaken(surely: boolean): Promise<unknown> {
    const { ledger, ctx, target } = this.#at
    let newest: Receipt | null
    try {
      newest = await this.#within('ROLLBACK', null, (session) => ledger.read(session, true))
    } catch {
      return null
    }
    if (newest === null)
      return new SinkUnavailable({ ...target.at, target: target.target, doing: 'commit', reason: GONE })
    const next = this.#last.seq + 1
    const explained = newest.seq < next || (newest.seq === next && !surely)
    if (explained && isDeepStrictEqual(newest.owner, ctx.owner)) return null
    return new GenerationFenced({ ...target.at, owner: ctx.owner, ledgerOwner: newest.owner })
  }

  #refused(): Promise<Refused<W> | null> {
    const { ledger } = this.#at
    return this.#within('ROLLBACK', ledger.locks.commit, async (session) => {
      // A successor's rows would make ours look like duplicates. Until we are through, nobody becomes one.
      const newest = await ledger.read(session, true)
      if (!isDeepStrictEqual(newest, this.#last)) throw new Overtaken()
      return await firstRefused(session, this.#items.flat(), (items) => this.#apply(session, items))
    })
  }
}

/** The ledger isn't where this owner left it. */
class Overtaken extends Error {
  override readonly name = 'Overtaken'

  constructor() {
    super('its ledger was changed by another owner')
  }
}

const GONE = 'its row in tidemark_ledger was taken away'

const shortened = (text: string): string => (text.length > REASON_LIMIT ? `${text.slice(0, REASON_LIMIT)}…` : text)
