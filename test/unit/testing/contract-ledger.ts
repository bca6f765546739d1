import type {
  Item,
  Receipt,
  SinkContext,
  TransactionalSink,
  TransactionalWriter,
} from '../../../src/definition/sink.js'
import { GenerationFenced } from '../../../src/errors/ownership.js'

/** Ways to break a sink, each a sentence of the contract not kept. */
export const flaws = [
  'commits no fence receipt',
  'fences before it has read and asked',
  'reads before it fences, and looks no more',
  'commits without comparing',
  'makes data durable before the receipt',
  'makes the receipt durable before the data',
  'shows what was written before the commit',
  'skips commits without items',
  'aborts nothing',
  'aborts more than it may',
  'commits on closing',
  'keeps only a part of the receipt',
  'gives its own fence receipt as the one found',
  'fences when inspected',
  'writes the last commit again on opening',
  'writes items in another order',
  'encodes a value another way each time',
  'hides who has fenced it',
  'gives its place a new name each time',
  'loses an older commit now and then',
] as const

export type Flaw = (typeof flaws)[number]

/** A ledger and its rows in memory: a right one, or one with a flaw. */
export function ledgerSink(step: () => Promise<void>, flaw: Flaw | null) {
  const is = (one: Flaw): boolean => one === flaw
  let receipt: Receipt | null = null
  let rows: unknown[] = []
  let holder: object | null = null
  let last: unknown[] = []
  let encoded = 0

  const put = async (next: Receipt, data: readonly unknown[]): Promise<void> => {
    const kept = is('keeps only a part of the receipt') ? { ...next, rejections: [] } : next
    const ordered = is('writes items in another order') ? data.toReversed() : data
    if (is('makes the receipt durable before the data')) {
      receipt = kept
      await step()
    }
    rows.push(...ordered)
    last = [...ordered]
    if (is('makes data durable before the receipt')) await step()
    receipt = kept
    if (is('loses an older commit now and then') && next.seq === 9) rows = rows.slice(1)
  }

  async function open(ctx: SinkContext): Promise<TransactionalWriter<unknown>> {
    const self = {}
    let found: Receipt | null
    let mine: Receipt
    for (;;) {
      if (is('fences before it has read and asked')) holder = self
      await step()
      found = receipt
      await step()
      mine = ctx.fence(found)
      await step()
      if (is('commits no fence receipt')) break
      if (receipt !== found && !is('reads before it fences, and looks no more')) continue
      holder = self
      await put(mine, is('writes the last commit again on opening') ? last : [])
      break
    }
    let pending: Item<unknown>[] = []
    const fenced = (): Error => {
      const { pipeline, stage, partition, owner } = ctx
      if (is('hides who has fenced it')) return new Error('no longer')
      return new GenerationFenced({
        pipeline,
        stage,
        partition,
        sink: 'out',
        owner,
        ledgerOwner: receipt?.owner ?? null,
      })
    }
    const commit = async (next: Receipt): Promise<void> => {
      await step()
      const data = pending.map((item) => item.data)
      pending = []
      if (data.length === 0 && is('skips commits without items')) return
      const compared = is('commits no fence receipt') ? receipt?.seq !== next.seq : holder === self
      if (!compared && !is('commits without comparing')) throw fenced()
      await put(next, is('shows what was written before the commit') ? [] : data)
    }
    return {
      receipt: is('gives its own fence receipt as the one found') ? mine : found,
      place: is('gives its place a new name each time') ? String(Math.random()) : 'memory',
      async write(items) {
        await step()
        pending.push(...items)
        if (is('shows what was written before the commit')) rows.push(...items.map((item) => item.data))
      },
      commit,
      async abort() {
        if (is('aborts nothing')) return
        if (is('aborts more than it may') && pending.length > 0) rows = rows.slice(0, -1)
        pending = []
      },
      async close() {
        if (is('commits on closing') && pending.length > 0 && holder === self)
          rows.push(...pending.map(({ data }) => data))
      },
    }
  }

  const sink: TransactionalSink<unknown, unknown> = {
    kind: 'memory',
    mode: 'transactional',
    encode: ({ value }) => value,
    digest: (data) =>
      Buffer.from(JSON.stringify(data) + (is('encodes a value another way each time') ? encoded++ : '')),
    open,
    async inspect() {
      await step()
      if (is('fences when inspected')) holder = null
      return receipt
    },
  }
  return { sink, read: async () => [...rows] }
}
