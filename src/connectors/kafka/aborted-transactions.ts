import type { AbortedTransaction } from './protocol/fetch.js'

/**
 * Decides which batches of one fetch belong to aborted transactions. Asked once per batch, in log order. The broker
 * lists transactions in no particular order, and one may have begun before the fetch.
 */
export class AbortedTransactions {
  private readonly waiting: AbortedTransaction[]
  private readonly open = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.waiting = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset) // the next one last
  }

  /** True for a batch of `producerId` whose records were aborted. */
  covers(producerId: number, lastOffset: number): boolean {
    for (let next = this.waiting.at(-1); next !== undefined && next.firstOffset <= lastOffset;) {
      this.open.add(next.producerId)
      this.waiting.pop()
      next = this.waiting.at(-1)
    }
    return this.open.has(producerId)
  }

  /** The abort marker of `producerId` has been read: what it writes next is another transaction. */
  ended(producerId: number): void {
    this.open.delete(producerId)
  }
}
