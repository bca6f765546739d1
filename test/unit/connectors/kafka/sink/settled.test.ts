import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { takeOver } from '../../../../../src/connectors/kafka/sink/take-over.js'
import { Refusal } from '../../../../../src/connectors/kafka/sink/refusal.js'
import type { Receipt } from '../../../../../src/definition/sink.js'
import { type Claim, fenceReceipt } from '../../../../../src/engine/recovery.js'

/** Enough of a ledger for an opening: it fences by number, and shows what it is told to show first. */
class FakeLedger {
  readonly names = { mark: 'mark' }
  readonly target = { at: { pipeline: 'p', stage: 'main', partition: 0, sink: 'out' }, target: 'a fake' }
  readonly receipts: Receipt[] = []
  readonly shown: (Receipt | null)[] = []
  /** How much was still to be shown when it was fenced first. */
  unshown: number | null = null
  #fence = 0
  #next: Receipt | null = null

  readonly read = async (): Promise<Receipt | null> => {
    await sleep(2)
    return this.shown.shift() ?? (this.shown.length > 0 ? null : (this.receipts.at(-1) ?? null))
  }

  readonly look = this.read

  async fence() {
    await sleep(0)
    this.unshown ??= this.shown.length
    const mine = ++this.#fence
    const requireMine = (): void => {
      if (this.#fence !== mine) throw new Refusal(90, 'commit')
    }
    return {
      overtake: async () => requireMine(),
      commit: async () => {
        requireMine()
        if (this.#next !== null) this.receipts.push(this.#next)
      },
    }
  }

  open(claim: Claim, catchUpMs: number) {
    const fence = (found: Receipt | null): Receipt => (this.#next = fenceReceipt('out', found, claim))
    const patience = { transactionMs: 1_000, settleMs: 100, catchUpMs }
    return takeOver(this as never, patience, fence, new AbortController().signal)
  }
}

const owner = (claim: number): Claim['owner'] => ({ generation: 1, incarnation: 1, claim, runId: 'r' })

const receiptOf = (seq: number, claim = 1): Receipt => ({
  version: 1,
  seq,
  owner: owner(claim),
  epoch: 5,
  time: 1,
  positions: { s: String(seq) },
  digest: `digest ${seq}`,
  timersEpoch: null,
  fingerprint: 'f',
  rejections: [],
})

const claimOf = (claim: number, more: Partial<Claim> = {}): Claim => ({
  pipeline: 'p',
  stage: 'main',
  partition: 0,
  owner: owner(claim),
  origin: { s: '0' },
  checkpoint: {
    epoch: 4,
    positions: { s: '1' },
    identities: {},
    ledgers: { out: { seq: 1, digest: 'digest 1' } },
  },
  scheduled: { epoch: 5, time: 1, seed: 's' },
  fingerprint: 'f',
  isReset: false,
  ...more,
})

test.each([
  ['the look before fencing', [3, 2, 2]],
  ['a reading between', [1, 3, 2, 2]],
])('two readings that agree are not believed below %s', async (_, shown) => {
  const ledger = new FakeLedger()
  ledger.receipts.push(receiptOf(1), receiptOf(2), receiptOf(3))
  ledger.shown.push(...shown.map((seq) => receiptOf(seq)))
  expect((await ledger.open(claimOf(2), 20_000)).found?.seq).toBe(3)
})

test('a ledger that shows less than history knows is not fenced yet', async () => {
  const ledger = new FakeLedger()
  ledger.receipts.push(receiptOf(1), receiptOf(2), receiptOf(3))
  ledger.shown.push(null, receiptOf(1), receiptOf(1))
  const { checkpoint } = claimOf(2)
  const claim = claimOf(2, { checkpoint: { ...checkpoint, ledgers: { out: { seq: 2, digest: 'digest 2' } } } })
  expect((await ledger.open(claim, 20_000)).found?.seq).toBe(3)
  expect(ledger.unshown).toBe(0)
})

test('a stale first claim that sees nothing at first does not write over its successor', async () => {
  const ledger = new FakeLedger()
  ledger.receipts.push(receiptOf(1, 1), receiptOf(2, 2))
  ledger.shown.push(null, null, receiptOf(2, 2))
  const checkpoint = { epoch: 0, positions: { s: '0' }, identities: {}, ledgers: {} }
  const opening = ledger.open(claimOf(1, { checkpoint, scheduled: null }), 20_000)
  await expect(opening).rejects.toMatchObject({ code: 'GenerationFenced' })
  expect(ledger.receipts).toHaveLength(2)
})

test('two that wait for a ledger that has expired do not fence each other for ever', { timeout: 60_000 }, async () => {
  const ledger = new FakeLedger()
  const idle = { scheduled: null }
  const first = ledger.open(claimOf(1, idle), 1_500)
  await sleep(700)
  await ledger.open(claimOf(2, idle), 1_500)
  expect(ledger.receipts.at(-1)?.owner).toEqual(owner(2))
  await Promise.allSettled([first])
})
