import type { Item, Receipt, SinkContext, TransactionalWriter } from '../../definition/sink.js'
import { linkAfter, overtaken } from '../ledger-chain/chain.js'
import type { Target } from '../ledger-chain/target.js'
import type { Line } from '../lines/line.js'
import { Attempt, type AttemptAt } from './attempt.js'
import type { Entry } from './entry.js'
import { sinkFailure } from './failure.js'
import type { Ledger } from './ledger.js'

export interface Opened {
  readonly ledger: Ledger
  readonly ctx: SinkContext
  readonly target: Target
  readonly attempts: AttemptAt
  /** The fence entry under which this writer works. */
  readonly fence: Entry
  readonly place: string
  /** What the ledger held before it. */
  readonly receipt: Receipt | null
}

/** Sends objects that nobody reads yet, and commits them by creating the next entry of the chain. */
export class S3Writer implements TransactionalWriter<Line> {
  readonly receipt: Receipt | null
  readonly place: string
  readonly #opened: Opened
  #last: Entry
  #attempt: Attempt
  /** True while nobody knows whether the attempt is the ledger's: then its objects stay. */
  #uncertain = false

  constructor(opened: Opened) {
    this.receipt = opened.receipt
    this.place = opened.place
    this.#opened = opened
    this.#last = opened.fence
    this.#attempt = new Attempt(opened.attempts, opened.fence.seq + 1)
  }

  async write(items: readonly Item<Line>[]): Promise<void> {
    try {
      for (const item of items) if (this.#attempt.add(item.data)) await this.#attempt.send()
    } catch (error) {
      throw sinkFailure(this.#opened.target, 'write', error)
    }
  }

  async commit(receipt: Receipt): Promise<void> {
    const { ledger, target, ctx } = this.#opened
    const { seq, nonce } = this.#attempt
    if (receipt.seq !== seq) throw new RangeError(`a receipt of seq ${receipt.seq} cannot follow ${seq - 1}`)
    try {
      const objects = await this.#attempt.send()
      const entry: Entry = { ...linkAfter(this.#last, this.#last.ledger, receipt, nonce), objects }
      this.#uncertain = true
      const created = await ledger.create(entry)
      this.#uncertain = false
      if (!created) throw await overtaken(ledger, ctx, target, seq)
      this.#last = entry
      this.#begin()
    } catch (error) {
      throw sinkFailure(target, 'commit', error)
    }
  }

  async abort(): Promise<void> {
    try {
      await this.#attempt.drop()
    } catch (error) {
      throw sinkFailure(this.#opened.target, 'abort', error)
    }
    this.#begin()
  }

  async close(): Promise<void> {
    if (this.#uncertain) return
    try {
      await this.#attempt.drop()
    } catch (error) {
      throw sinkFailure(this.#opened.target, 'close', error)
    }
  }

  #begin(): void {
    this.#attempt = new Attempt(this.#opened.attempts, this.#last.seq + 1)
  }
}
