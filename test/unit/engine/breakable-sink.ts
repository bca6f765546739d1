import { defineSink } from '../../../src/definition/define-sink.js'
import type { Item, Receipt, Sink, SinkContext, TransactionalSink } from '../../../src/definition/sink.js'
import { MemoryLedgers } from '../../../src/testing/memory-ledger.js'

/** Called with what a sink is about to do, or has just done. A throw is what the engine gets. */
export type Hook = (at: 'open' | 'opened' | 'write' | 'commit' | 'committed' | 'close', receipt?: Receipt) => unknown

/** A memory ledger that a test looks into and breaks. */
export class BreakableSink {
  readonly id: string
  readonly did: string[] = []
  hook: Hook = () => undefined
  /** Says what it never accepts, and when it finds out. */
  refuses: (item: Item<unknown>) => 'write' | 'commit' | null = () => null
  /** It finds the last one first. */
  backwards = false
  /** How many items each write was given. */
  readonly writes: number[] = []
  private readonly ledgers = new MemoryLedgers<unknown>('memory')
  private key = ''

  constructor(id: string) {
    this.id = id
  }

  get values(): readonly unknown[] {
    return this.ledgers.items().map((item) => item.data)
  }

  get receipts(): readonly Receipt[] {
    return this.ledgers.commits(this.key).map(({ receipt }) => receipt)
  }

  get newest(): Receipt | null {
    return this.ledgers.newest(this.key)
  }

  sink<T>(more: Partial<TransactionalSink<T, unknown>> = {}): Sink<T> {
    return defineSink<T, unknown>({
      kind: 'breakable',
      mode: 'transactional',
      encode: ({ value }) => value,
      inspect: async () => this.newest,
      open: (ctx) => this.open(ctx),
      ...more,
    })
  }

  private async open(ctx: SinkContext): ReturnType<TransactionalSink<unknown, unknown>['open']> {
    this.key = ctx.ledgerKey
    await this.step('open')
    const writer = await this.ledgers.open(ctx)
    await this.step('opened')
    const { receipt } = writer
    const refuse = (items: readonly Item<unknown>[], at: 'write' | 'commit'): void => {
      const bad = items.filter((one) => this.refuses(one) === at)
      const item = this.backwards ? bad.at(-1) : bad[0]
      if (item !== undefined) ctx.reject(item.id, `no ${JSON.stringify(item.data)}`, item.sink)
    }
    let uncommitted: readonly Item<unknown>[] = []
    return {
      receipt,
      place: `place of ${this.id}`,
      write: async (items) => {
        await this.step('write')
        this.writes.push(items.length)
        // As a database does: what comes before is in the transaction already.
        await writer.write(items)
        uncommitted = [...uncommitted, ...items]
        refuse(items, 'write')
      },
      commit: async (next) => {
        await this.step('commit', next)
        refuse(uncommitted, 'commit')
        await writer.commit(next)
        uncommitted = []
        await this.step('committed', next)
      },
      abort: async () => {
        this.did.push('abort')
        uncommitted = []
        await writer.abort()
      },
      close: async () => {
        await this.step('close')
        await writer.close()
      },
    }
  }

  private async step(at: Parameters<Hook>[0], receipt?: Receipt): Promise<void> {
    this.did.push(at)
    await this.hook(at, receipt)
  }
}

/** Fails once, at that. */
export function failOnce(at: Parameters<Hook>[0], error: Error): Hook {
  let failed = false
  return (now) => {
    if (now !== at || failed) return
    failed = true
    throw error
  }
}
