import type { Item, Owner, Receipt, SinkContext, TransactionalWriter } from '../definition/sink.js'
import { GenerationFenced } from '../errors/ownership.js'

/** Awaited before whatever a ledger does: tests stop owners there. */
export type LedgerStep = () => Promise<void>

/** One commit: what a reader finds, and the receipt beside it. */
export interface MemoryCommit<W> {
  readonly receipt: Receipt
  readonly items: readonly Item<W>[]
}

const now: LedgerStep = async () => {}

/**
 * Ledgers in the memory of one process, each a chain of commits that is compared and set on its sequence number: what
 * a transactional sink has to be, and nothing else.
 */
export class MemoryLedgers<W> {
  readonly #chains = new Map<string, MemoryCommit<W>[]>()
  readonly #all: { readonly ledgerKey: string; readonly items: readonly Item<W>[] }[] = []
  readonly #place: string
  readonly #step: LedgerStep

  constructor(place: string, step: LedgerStep = now) {
    this.#place = place
    this.#step = step
  }

  /** All items of all ledgers whose key begins so, in the order of their commits. */
  items(keyPrefix = ''): readonly Item<W>[] {
    return this.#all.filter(({ ledgerKey }) => ledgerKey.startsWith(keyPrefix)).flatMap(({ items }) => items)
  }

  commits(ledgerKey: string): readonly MemoryCommit<W>[] {
    return this.#chain(ledgerKey)
  }

  newest(ledgerKey: string): Receipt | null {
    return this.#chain(ledgerKey).at(-1)?.receipt ?? null
  }

  /** Reads, asks, commits the fence receipt; from the start if another owner was quicker (PROTOCOL §2). */
  async open(ctx: SinkContext): Promise<TransactionalWriter<W>> {
    for (;;) {
      ctx.signal.throwIfAborted()
      await this.#step()
      const found = this.newest(ctx.ledgerKey)
      const fence = ctx.fence(found)
      await this.#step()
      if (this.newest(ctx.ledgerKey) !== found) continue
      this.#append(ctx.ledgerKey, { receipt: fence, items: [] })
      return new MemoryWriter({
        ctx,
        found,
        fence,
        place: this.#place,
        step: this.#step,
        put: this.#put(ctx.ledgerKey),
      })
    }
  }

  #chain(ledgerKey: string): MemoryCommit<W>[] {
    let chain = this.#chains.get(ledgerKey)
    if (chain === undefined) this.#chains.set(ledgerKey, (chain = []))
    return chain
  }

  /** Commits after that very receipt, or tells whose receipt has come between. */
  #put(ledgerKey: string) {
    return (after: Receipt, receipt: Receipt, items: readonly Item<W>[]): Owner | null => {
      const newest = this.newest(ledgerKey)
      if (newest !== after) return newest?.owner ?? null
      this.#append(ledgerKey, { receipt, items })
      return null
    }
  }

  #append(ledgerKey: string, commit: MemoryCommit<W>): void {
    this.#chain(ledgerKey).push(commit)
    this.#all.push({ ledgerKey, items: commit.items })
  }
}

interface Opened<W> {
  readonly ctx: SinkContext
  readonly found: Receipt | null
  readonly fence: Receipt
  readonly place: string
  readonly step: LedgerStep
  readonly put: (after: Receipt, receipt: Receipt, items: readonly Item<W>[]) => Owner | null
}

class MemoryWriter<W> implements TransactionalWriter<W> {
  readonly receipt: Receipt | null
  readonly place: string
  readonly #opened: Opened<W>
  #last: Receipt
  #items: Item<W>[] = []

  constructor(opened: Opened<W>) {
    this.receipt = opened.found
    this.place = opened.place
    this.#opened = opened
    this.#last = opened.fence
  }

  async write(items: readonly Item<W>[]): Promise<void> {
    await this.#opened.step()
    // Copies: the engine may drop its own.
    this.#items.push(...items.map(({ id, sink, data }) => ({ id, sink, data })))
  }

  async commit(receipt: Receipt): Promise<void> {
    const { ctx, step, put } = this.#opened
    await step()
    const ledgerOwner = put(this.#last, receipt, this.#items)
    if (ledgerOwner !== null) {
      const { pipeline, stage, partition, owner, sinks } = ctx
      const sink = sinks.join(',')
      throw new GenerationFenced({ pipeline, stage, partition, sink, owner, ledgerOwner })
    }
    this.#last = receipt
    this.#items = []
    await step()
  }

  async abort(): Promise<void> {
    this.#items = []
  }

  async close(): Promise<void> {
    this.#items = []
  }
}
