import { describe, expect, test } from 'vitest'
import type { Receipt, TransactionalSink, TransactionalWriter } from '../../../src/definition/sink.js'
import { Flow } from '../../../src/engine/flow.js'
import { Ledger } from '../../../src/engine/ledger.js'
import { digestOf, receiptOf } from './claims.js'

const point = {
  epoch: 5,
  time: 5_000,
  positions: { s: '101' },
  fingerprint: 'new code',
  rejections: [],
  timersEpoch: null,
  ended: false,
}
const never = () => Promise.reject(new Error('a ledger opens nothing'))

/** A ledger over a writer that takes down what it is told, and does it when the test lets it. */
function ledgerOf(more: Partial<TransactionalWriter<unknown>> = {}) {
  const did: unknown[] = []
  const writer: TransactionalWriter<unknown> = {
    receipt: null,
    write: async (items) => void did.push(['write', items.map((item) => item.data)]),
    commit: async (receipt) => void did.push(['commit', receipt.seq]),
    abort: async () => undefined,
    close: async () => void did.push('close'),
    ...more,
  }
  const sink: TransactionalSink<unknown, unknown> = {
    kind: 'table',
    mode: 'transactional',
    encode: ({ value }) => value,
    open: never,
    inspect: never,
  }
  const head = receiptOf({ rejections: [['out', 'id']], timersEpoch: 3 })
  const outlet = { id: 'out', tag: 0, sink }
  const digest = digestOf('a')
  const ledger = new Ledger({ id: 'out', sinks: [outlet], writer, head, digest, ahead: null, commitMs: 10 })
  const flow = new Flow({ pipeline: 'p', stage: 'main', source: 's', partition: 0 }, undefined, () => 'step')
  const push = ledger.pushFor(outlet, new Int32Array(1), 0)
  let position = 100
  const offer = (...values: readonly string[]): void => {
    flow.record = { position: String(position), next: String(++position), key: null, value: null }
    for (const value of values) push(value, flow)
  }
  return { ledger, offer, did, head }
}

test('few outputs that keep much of what was read in memory are handed over all the same', async () => {
  const { ledger, offer, did } = ledgerOf()
  ledger.pin(64 * 1024 * 1024)
  offer('b')
  ledger.seal()
  ledger.pin(3 * 1024 * 1024)
  await ledger.relieve()
  expect(did, 'nothing was waiting for the first batch').toEqual([])
  ledger.pin(1024 * 1024)
  await ledger.relieve()
  await ledger.relieve()
  expect(did).toEqual([['write', ['b']]])
  expect(ledger.isFull).toBe(false)
  offer('c')
  ledger.seal()
  ledger.pin(64 * 1024 * 1024)
  await ledger.relieve()
  expect(ledger.isFull, 'its sink may refuse items, so they are kept until the commit').toBe(true)
  await ledger.commit(point)
  expect(ledger.isFull).toBe(false)
})

describe('a commit', () => {
  test('writes what is offered, then the next receipt, with all that it says', async () => {
    const receipts: Receipt[] = []
    const { ledger, offer, head } = ledgerOf({ commit: async (receipt) => void receipts.push(receipt) })
    offer('b', 'c')
    await ledger.commit(point)
    expect(receipts).toEqual([
      {
        version: 1,
        seq: 8,
        owner: head.owner,
        epoch: 5,
        time: 5_000,
        positions: { s: '101' },
        digest: digestOf('a', 'b', 'c'),
        timersEpoch: 3,
        fingerprint: 'new code',
        rejections: [],
      },
    ])
    expect(ledger.head).toBe(receipts[0])
    expect(ledger.mark).toEqual({ seq: 8, digest: digestOf('a', 'b', 'c') })
  })

  test('counts on, each its own outputs', async () => {
    const { ledger, offer, did } = ledgerOf()
    offer('b')
    await ledger.commit(point)
    offer('c')
    await ledger.commit(point)
    await ledger.commit(point)
    expect(did).toEqual([
      ['write', ['b']],
      ['commit', 8],
      ['write', ['c']],
      ['commit', 9],
      ['commit', 10],
    ])
  })

  test('that fails leaves the ledger dirty, at the receipt before', async () => {
    const { ledger, offer } = ledgerOf({ commit: () => Promise.reject(new Error('unknown')) })
    offer('b')
    await expect(ledger.commit(point)).rejects.toThrow('unknown')
    expect([ledger.head.seq, ledger.dirty]).toEqual([7, true])
  })

  test('names its place, where there is one', () => {
    expect(ledgerOf({ place: 'here' }).ledger.mark).toEqual({ seq: 7, digest: digestOf('a'), place: 'here' })
  })
})

describe('between commits', () => {
  test('is dirty from the first sealed output to the commit', async () => {
    const { ledger, offer } = ledgerOf()
    expect(ledger.dirty).toBe(false)
    offer('b')
    expect(ledger.dirty).toBe(false)
    ledger.seal()
    expect(ledger.dirty).toBe(true)
    await ledger.commit(point)
    expect(ledger.dirty).toBe(false)
  })

  test('hands over at a megabyte, while processing goes on, and never two at once', async () => {
    let writing = 0
    let most = 0
    const finish: (() => void)[] = []
    const { ledger, offer } = ledgerOf({
      async write() {
        most = Math.max(most, ++writing)
        await new Promise<void>((resolve) => finish.push(resolve))
        writing--
      },
    })
    const megabyte = 'x'.repeat(1024 * 1024)
    offer('small')
    ledger.seal()
    await ledger.relieve()
    expect(finish).toHaveLength(0)
    offer(megabyte)
    ledger.seal()
    await ledger.relieve()
    expect([finish.length, ledger.dirty, ledger.hasSealed]).toEqual([1, true, false])
    offer(megabyte)
    ledger.seal()
    const second = ledger.relieve()
    finish[0]?.()
    await second
    const committed = ledger.commit(point)
    finish[1]?.()
    await committed
    expect([most, finish.length]).toEqual([1, 2])
  })

  test('a hand-over that failed is told at the next, and at the commit', async () => {
    const { ledger, offer, did } = ledgerOf({ write: () => Promise.reject(new Error('disk full')) })
    offer('x'.repeat(1024 * 1024))
    ledger.seal()
    await ledger.relieve()
    offer('x'.repeat(1024 * 1024))
    ledger.seal()
    await expect(ledger.relieve()).rejects.toThrow('disk full')
    await expect(ledger.commit(point)).rejects.toThrow('disk full')
    expect(did).toEqual([])
    await ledger.close()
    expect(did).toEqual(['close'])
  })

  test('hands nothing over while it is muted or held', async () => {
    for (const phase of ['muted', 'held'] as const) {
      const { ledger, offer, did } = ledgerOf()
      ledger.phase = phase
      offer('x'.repeat(2 * 1024 * 1024))
      ledger.seal()
      await ledger.relieve()
      expect(did).toEqual([])
    }
  })

  test('closes after the write that is under way, whatever it says', async () => {
    let fail = (): void => undefined
    const { ledger, offer, did } = ledgerOf({
      write: () => new Promise((_, reject) => (fail = () => reject(new Error('broken')))),
    })
    offer('x'.repeat(1024 * 1024))
    ledger.seal()
    await ledger.relieve()
    const closed = ledger.close()
    expect(did).toEqual([])
    fail()
    await closed
    expect(did).toEqual(['close'])
  })
})
