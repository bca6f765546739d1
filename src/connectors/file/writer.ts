import { randomUUID } from 'node:crypto'
import type { Item, Receipt, SinkContext, TransactionalWriter } from '../../definition/sink.js'
import { linkAfter, overtaken } from '../ledger-chain/chain.js'
import type { Entry } from './entry.js'
import { sinkFailure } from './failure.js'
import type { Ledger } from './ledger.js'
import type { Line } from '../lines/line.js'
import type { Opening } from './open.js'
import { PendingFiles } from './pending.js'
import { publish } from './publish.js'

export interface Opened extends Opening {
  readonly ledger: Ledger
  readonly ctx: SinkContext
  /** The fence entry under which this writer works. */
  readonly fence: Entry
  readonly place: string
  /** What the ledger held before it. */
  readonly receipt: Receipt | null
}

/** Writes pending files, and commits them by creating the next entry of the chain. */
export class FileWriter implements TransactionalWriter<Line> {
  readonly receipt: Receipt | null
  readonly place: string
  readonly #opened: Opened
  readonly #pending: PendingFiles
  #last: Entry
  /** True from the start of a commit to its certain end: until then its files may belong to the ledger. */
  #uncertain = false

  constructor(opened: Opened) {
    this.receipt = opened.receipt
    this.place = opened.place
    this.#opened = opened
    this.#last = opened.fence
    const { disk, layout, fence, buffered } = opened
    this.#pending = new PendingFiles(disk, layout, fence.seq, buffered)
  }

  async write(items: readonly Item<Line>[]): Promise<void> {
    try {
      for (const item of items) if (this.#pending.add(item.data)) await this.#pending.flush()
    } catch (error) {
      throw sinkFailure(this.#opened.target, 'write', error)
    }
  }

  async commit(receipt: Receipt): Promise<void> {
    const { disk, layout, ledger, target, fence } = this.#opened
    const seq = this.#last.seq + 1
    if (receipt.seq !== seq) throw new RangeError(`a receipt of seq ${receipt.seq} cannot follow ${seq - 1}`)
    try {
      const files = await this.#pending.sync(receipt.owner.generation, seq)
      const link = linkAfter(this.#last, this.#last.ledger, receipt, randomUUID())
      const entry: Entry = { ...link, files, inherited: [] }
      if (!(await this.#pending.intact(files))) throw await this.#overtaken(seq)
      this.#uncertain = true
      if (!(await ledger.create(entry, fence.seq))) throw await this.#overtaken(seq)
      // Committed. The next commit must find these files in place: only the newest ones are looked after by an opening.
      this.#last = entry
      this.#pending.forget()
      await publish(disk, layout, target, files)
      await ledger.prune(seq)
      this.#uncertain = false
    } catch (error) {
      throw sinkFailure(target, 'commit', error)
    }
  }

  async abort(): Promise<void> {
    try {
      await this.#pending.drop()
    } catch (error) {
      throw sinkFailure(this.#opened.target, 'abort', error)
    }
  }

  async close(): Promise<void> {
    try {
      // Files of a commit of unknown outcome are the next opening's to finish or to remove.
      if (this.#uncertain) await this.#pending.close()
      else await this.#pending.drop()
    } catch (error) {
      throw sinkFailure(this.#opened.target, 'close', error)
    }
  }

  /** Why the entry of that seq is not ours to create. */
  #overtaken(seq: number): Promise<Error> {
    const { ledger, target, ctx } = this.#opened
    return overtaken(ledger, ctx, target, seq)
  }
}
