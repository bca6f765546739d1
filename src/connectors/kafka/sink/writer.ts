import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Item, Owner, Receipt, SinkContext, TransactionalWriter } from '../../../definition/sink.js'
import { GenerationFenced } from '../../../errors/ownership.js'
import { SinkUnavailable } from '../../../errors/sink.js'
import { Delivery } from './delivery.js'
import { sinkFailure } from './failure.js'
import type { Ledger } from './ledger.js'
import type { Links } from './links.js'
import type { Outgoing } from './outgoing.js'
import type { Place } from './place.js'
import { receiptText } from './receipt-text.js'
import { isFenced } from './refusal.js'
import type { Limits } from './retry.js'
import { type Taken, takeOver } from './take-over.js'
import type { Topics } from './topics.js'
import type { Transaction } from './transaction.js'

/** How long to wait for the receipt of whoever has fenced this writer, in ms: an opening takes less. */
const SUCCESSOR_MS = 2_000
/** How long closing may take to abort what is open, in ms: else the broker does it by its time-out. */
const ABORT_MS = 3_000
/** A refresh that failed is tried again after so long, in ms. */
const REFRESH_AGAIN_MS = 3_600_000

export interface Opened extends Place, Taken {
  readonly clusterId: string
  readonly ctx: SinkContext
  readonly links: Links
  readonly limits: Limits
  readonly topics: Topics
  readonly ledger: Ledger
}

/** Writes records and receipt in one transaction. */
export class KafkaWriter implements TransactionalWriter<Outgoing> {
  readonly receipt: Receipt | null
  readonly place?: string
  readonly #opened: Opened
  #transaction: Transaction
  #delivery: Delivery
  /** The newest receipt that is known to be in the ledger. */
  #last: Receipt
  /** Until the end of a commit is known, and after the end of this producer: nothing is left to abort. */
  #over = false
  /** One call after the other: the refresh comes between two of the engine's. */
  #turn: Promise<unknown> = Promise.resolve()
  #refresh: NodeJS.Timeout

  constructor(opened: Opened) {
    this.receipt = opened.found
    if (opened.clusterId !== '') this.place = opened.clusterId
    this.#opened = opened
    this.#transaction = opened.transaction
    this.#delivery = this.#newDelivery()
    this.#last = opened.receipt
    this.#refresh = this.#refreshIn(opened.refreshMs)
  }

  write(items: readonly Item<Outgoing>[]): Promise<void> {
    return this.#inTurn('write', () => this.#delivery.deliver(items, this.#transaction))
  }

  commit(receipt: Receipt): Promise<void> {
    return this.#inTurn('commit', async () => {
      const seq = this.#last.seq + 1
      if (receipt.seq !== seq) throw new RangeError(`a receipt of seq ${receipt.seq} cannot follow ${seq - 1}`)
      const text = receiptText(receipt, this.#opened.names.mark)
      await this.#transaction.commit(seq, text, () => (this.#over = true))
      this.#over = false
      this.#last = receipt
      this.#refresh.refresh()
    })
  }

  abort(): Promise<void> {
    return this.#inTurn('abort', async () => {
      if (this.#delivery.isUncertain) throw new Error('nobody knows which of its records brokers have')
      await this.#transaction.abort()
    })
  }

  async close(): Promise<void> {
    clearTimeout(this.#refresh)
    await this.#turn
    try {
      if (!this.#over) await Promise.race([this.#transaction.abort(), sleep(ABORT_MS, undefined, { ref: false })])
    } catch {
      // The next opening aborts it, or the broker by its time-out.
    } finally {
      this.#opened.links.destroy()
    }
  }

  #inTurn(doing: string, work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work).catch(async (error: unknown) => {
      throw await this.#failure(doing, error)
    })
    this.#turn = done.catch(() => undefined)
    return done
  }

  #newDelivery(): Delivery {
    const { links, topics, limits, names, ctx } = this.#opened
    return new Delivery({
      links,
      topics,
      limits,
      transactionalId: names.transactionalId,
      namespace: names.namespace,
      ctx,
    })
  }

  async #failure(doing: string, error: unknown): Promise<unknown> {
    const { target, ctx } = this.#opened
    if (!isFenced(error)) return sinkFailure(target, doing, error)
    this.#over = true
    const ledgerOwner = await this.#successor()
    const { pipeline, stage, partition, owner } = ctx
    const { sink } = target.at
    if (ledgerOwner !== null)
      return new GenerationFenced({ pipeline, stage, partition, sink, owner, ledgerOwner }, error)
    // Fenced by a stale claim that went no further, or timed out: who holds the ledger has not changed.
    const reason = `its transaction was ended from outside, or took longer than its time-out of ${this.#opened.transactionMs} ms; nothing of it is committed (${error.message})`
    return new SinkUnavailable({ ...target.at, target: target.target, doing, reason }, error)
  }

  /** Who has committed a receipt since; null if nobody has. */
  async #successor(): Promise<Owner | null> {
    const { ledger } = this.#opened
    // The session may be ending already: that must not hide why.
    const limits: Limits = { signal: new AbortController().signal, patienceMs: SUCCESSOR_MS }
    for (const began = performance.now(); performance.now() - began < SUCCESSOR_MS; await sleep(50)) {
      const found = await ledger.read(true, limits).catch(() => null)
      if (found !== null && !isDeepStrictEqual(found, this.#last)) return found.owner
    }
    return null
  }

  #refreshIn(ms: number): NodeJS.Timeout {
    const timer = setTimeout(
      () =>
        void this.#inTurn('refresh its ledger', () => this.#renew()).catch(() => {
          this.#refresh = this.#refreshIn(REFRESH_AGAIN_MS)
        }),
      ms,
    )
    return timer.unref()
  }

  /** Commits the newest receipt once more, as it is, before its offset expires: with a new producer, as an opening does. */
  async #renew(): Promise<void> {
    const { ledger, refreshMs, ctx, target } = this.#opened
    if (!this.#transaction.isOpen) {
      const fence = (found: Receipt | null): Receipt => {
        if (isDeepStrictEqual(found, this.#last)) return this.#last
        const { pipeline, stage, partition, owner } = ctx
        const { sink } = target.at
        throw new GenerationFenced({ pipeline, stage, partition, sink, owner, ledgerOwner: found?.owner ?? null })
      }
      const { transaction } = await takeOver(ledger, this.#opened, fence, ctx.signal)
      this.#transaction = transaction
      this.#delivery = this.#newDelivery()
    }
    this.#refresh = this.#refreshIn(refreshMs)
  }
}
