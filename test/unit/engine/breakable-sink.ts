import { defineSink } from '../../../src/definition/define-sink.js'
import type { Receipt, Sink, SinkContext, TransactionalSink } from '../../../src/definition/sink.js'
import { MemoryLedgers } from '../../../src/testing/memory-ledger.js'

/** Called with what a sink is about to do, or has just done. A throw is what the engine gets. */
export type Hook = (at: 'open' | 'opened' | 'write' | 'commit' | 'committed' | 'close', receipt?: Receipt) => unknown

/** A memory ledger that a test looks into and breaks. */
export class BreakableSink {
  readonly id: string
  readonly did: string[] = []
  hook: Hook = () => undefined
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
    return {
      receipt,
      place: `place of ${this.id}`,
      write: async (items) => {
        await this.step('write')
        await writer.write(items)
      },
      commit: async (next) => {
        await this.step('commit', next)
        await writer.commit(next)
        await this.step('committed', next)
      },
      abort: () => writer.abort(),
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
