import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { ledgerNames } from '../../../../../src/connectors/kafka/sink/ledger-names.js'
import type { Receipt } from '../../../../../src/definition/sink.js'
import { type Claim, fenceReceipt } from '../../../../../src/engine/recovery.js'
import { brokers } from '../../../../setup/shared-servers.js'
import { uniqueName } from '../../../../setup/unique-name.js'
import { waitUntil } from '../../../../setup/wait-until.js'
import { boundsOf, definitionOf, produce, withAdmin, withProducer } from '../reading.js'
import { hold, type Holder, inspect, type Owned, ownerOf } from './owning.js'
import { answeringLink, breakingLink, type Fault, newPlace, readValues, settled } from './places.js'

const holders: Holder[] = []

afterEach(async () => {
  for (const { writer } of holders.splice(0)) await writer.close()
})

async function held(place: Owned, claim = 1, more: Parameters<typeof hold>[2] = {}): Promise<Holder> {
  const holder = await hold(place, claim, more)
  holders.push(holder)
  return holder
}

const values = (...numbers: readonly number[]) => numbers.map((n) => ({ value: n }))

describe('a commit whose outcome nobody knows', () => {
  test.each<[Fault, number[]]>([
    ['answer lost', [0, 1]],
    ['request lost', [0]],
  ])('is told by the ledger: %s', async (fault, visible) => {
    const faults: { api: string; fault: Fault }[] = []
    const place = await newPlace<number>({}, { openLink: breakingLink(faults) })
    const first = await held(place)
    await first.write(...values(0))
    const before = await first.commit()
    await first.write(...values(1))
    faults.push({ api: 'EndTxn', fault })
    await expect(first.commit({ digest: 'the unknown one' })).rejects.toMatchObject({
      code: 'SinkUnavailable',
      retryable: true,
      details: { doing: 'commit', target: 'Kafka cluster default' },
    })
    const second = await held(place, 2)
    const found = second.writer.receipt
    expect(found?.digest).toBe(fault === 'answer lost' ? 'the unknown one' : before.digest)
    expect(second.fence.seq).toBe((found?.seq ?? 0) + 1)
    expect(await readValues(place.topic, place.transactionalId)).toEqual(visible)
    await second.write(...values(2))
    await second.commit()
    expect(await readValues(place.topic, place.transactionalId)).toEqual([...visible, 2])
  })
})

test.each(['InitProducerId', 'AddPartitionsToTxn', 'Produce', 'AddOffsetsToTxn', 'OffsetFetch'])(
  'a connection lost at %s, before or after, costs nothing and doubles nothing',
  async (api) => {
    for (const fault of ['request lost', 'answer lost'] as const) {
      const faults = [{ api, fault }]
      const place = await newPlace<number>({}, { openLink: breakingLink(faults) })
      const holder = await held(place)
      for (const n of [0, 1, 2]) {
        if (n > 0) faults.push({ api, fault })
        await holder.write(...values(2 * n, 2 * n + 1))
        await holder.commit()
      }
      expect(faults.length).toBe(['InitProducerId', 'OffsetFetch'].includes(api) ? 2 : 0)
      expect(await readValues(place.topic, place.transactionalId)).toEqual([0, 1, 2, 3, 4, 5])
    }
  },
)

test.each<Fault>(['request lost', 'answer lost'])(
  'an offset is never committed twice, for the second may come late: the session ends (%s)',
  async (fault) => {
    const faults: { api: string; fault: Fault }[] = []
    const seen: string[] = []
    const place = await newPlace<number>({}, { openLink: breakingLink(faults, seen) })
    const first = await held(place)
    await first.write(...values(0))
    faults.push({ api: 'TxnOffsetCommit', fault })
    const before = seen.filter((api) => api === 'TxnOffsetCommit').length
    await expect(first.commit()).rejects.toMatchObject({ code: 'SinkUnavailable', retryable: true })
    expect(seen.filter((api) => api === 'TxnOffsetCommit').length).toBe(before + 1)
    const second = await held(place, 2)
    expect(second.writer.receipt).toEqual(first.fence)
    await second.write(...values(1))
    await second.commit()
    expect(await readValues(place.topic, place.transactionalId)).toEqual([1])
  },
)

test('a coordinator that shows less than was committed, until it is written to, is not believed', async () => {
  // Offsets as they were when it became coordinator: what Kafka answers until replicas have told how far they are.
  const old: unknown[] = []
  let isNew = false
  const openLink = answeringLink((api, answer) => {
    if (api === 'TxnOffsetCommit') isNew = false
    if (api !== 'OffsetFetch') return answer
    if (!isNew) old.splice(0, 1, answer)
    return isNew ? old[0] : answer
  })
  const place = await newPlace<number>({}, { openLink })
  const first = await held(place)
  await first.write(...values(0))
  const last = await first.commit()
  isNew = true
  const second = await held(place, 2)
  expect(second.writer.receipt).toEqual(last)
})

describe('a coordinator that loads still, and takes writes already', () => {
  /** What it shows at each reading after `restarted`; then what there is. */
  async function loading(catchUpMs: number, states: (all: unknown[]) => unknown[]) {
    const answers: unknown[] = []
    let left: unknown[] = []
    const openLink = answeringLink((api, answer) => {
      if (api !== 'OffsetFetch') return answer
      const old = left.shift()
      if (old === undefined) answers.push(answer)
      return old ?? answer
    })
    const place = await newPlace<number>({}, { openLink, catchUpMs })
    const first = await held(place)
    const receipts: Receipt[] = []
    for (const n of [0, 1, 2]) {
      await first.write(...values(n))
      receipts.push(await first.commit())
      await inspect(place)
    }
    left = states(answers)
    return { place, receipts, unread: () => left.length }
  }

  const claimWith = ({ context }: Owned, known: Receipt, scheduled: Claim['scheduled']): Claim => ({
    ...context,
    owner: ownerOf(2),
    origin: { numbers: '0' },
    checkpoint: {
      epoch: 4,
      positions: { numbers: '10' },
      identities: {},
      ledgers: { out: { seq: known.seq, digest: known.digest } },
    },
    scheduled,
    fingerprint: 'f',
    isReset: false,
  })
  const underWay = { epoch: 5, time: 1, seed: 's' }

  // The first answer says that there is nothing, the others are after each commit.
  test.each<[string, (all: unknown[]) => unknown[], Claim['scheduled']]>([
    ['nothing at all', ([none]) => [none, none, none, none], underWay],
    ['nothing at all, while no epoch is under way', ([none]) => [none, none, none, none], null],
    ['less than history knows', (all) => all.slice(-3, -2).flatMap((old) => [old, old, old, old]), underWay],
    ['what history knows, and not what came after', (all) => all.slice(-3, -1), underWay],
    ['less than it has shown before', (all) => [all.at(-1), all.at(-2), all.at(-2)], underWay],
  ])('is asked again while it shows %s', async (_, states, scheduled) => {
    const { place, receipts, unread } = await loading(10_000, states)
    const [, known, last] = receipts
    if (known === undefined || last === undefined) throw new Error('there are three receipts')
    const claim = claimWith(place, known, scheduled)
    const second = await hold(place, 2, { fence: (found) => fenceReceipt('out', found, claim) })
    holders.push(second)
    expect(second.writer.receipt).toEqual(last)
    expect(unread()).toBe(0)
  })

  test('is believed in the end, and then its ledger is left as it is', async () => {
    const { place, receipts } = await loading(500, (all) => Array.from({ length: 50 }, () => all.at(-3)))
    const [first, known, last] = receipts
    if (known === undefined) throw new Error('there are three receipts')
    const claim = claimWith(place, known, underWay)
    await expect(hold(place, 2, { fence: (found) => fenceReceipt('out', found, claim) })).rejects.toMatchObject({
      code: 'SinkBehind',
      details: { checkpointSeq: known.seq, ledgerSeq: first?.seq },
    })
    expect(await inspect(await placeAgain(place))).toEqual(last)
  })

  test('is never believed below what it has shown itself', async () => {
    const { place, receipts } = await loading(500, (all) => [
      all.at(-1),
      ...Array.from({ length: 50 }, () => all.at(-2)),
    ])
    const [first, , last] = receipts
    if (first === undefined) throw new Error('there are three receipts')
    const claim = claimWith(place, first, underWay)
    await expect(hold(place, 2, { fence: (found) => fenceReceipt('out', found, claim) })).rejects.toMatchObject({
      code: 'SinkUnavailable',
      retryable: true,
      message: expect.stringContaining('has shown commit 4 before') as unknown,
    })
    expect(await inspect(await placeAgain(place))).toEqual(last)
  })

  /** The same ledger, as somebody else sees it. */
  const placeAgain = async (place: Owned): Promise<Owned> => ({
    context: place.context,
    sink: (await newPlace<number>()).sink,
  })
})

describe('a transaction that its broker has ended by time-out', () => {
  test('fails retryably, leaves nothing, and is done again by the next owner', { timeout: 240_000 }, async () => {
    const place = await newPlace<number>({ transactionTimeout: '1s' })
    const first = await held(place)
    await first.write(...values(0))
    // Brokers look for such transactions every 10 s.
    await waitUntil(async () => (await boundsOf(definitionOf(place.topic), { brokers: brokers() })).end !== '0', {
      timeoutMs: 90_000,
    })
    await expect(first.commit()).rejects.toMatchObject({
      code: 'SinkUnavailable',
      message: expect.stringContaining('time-out of 1000 ms'),
    })
    const second = await held(place, 2)
    expect(second.writer.receipt).toEqual(first.fence)
    await second.write(...values(1))
    await second.commit()
    expect(await readValues(place.topic, place.transactionalId)).toEqual([1])
  })
})

test('closing ends what is open: readers behind it don’t wait for a time-out', async () => {
  const place = await newPlace<number>()
  const holder = await hold(place)
  await holder.write(...values(0))
  await holder.writer.close()
  await produce(brokers(), place.topic, ['7'])
  await waitUntil(async () => {
    const { end } = await boundsOf(definitionOf(place.topic), { brokers: brokers() })
    return end === '3' // a record, the marker of its abort, and the other's
  })
  expect(await readValues(place.topic, place.transactionalId)).toEqual([7])
})

describe('a ledger that has lost its offsets', () => {
  const checkpoint = { epoch: 4, positions: { numbers: '10' }, identities: {} }
  const claimOf = ({ context }: Owned, receipt: Receipt, scheduled: Claim['scheduled']): Claim => ({
    ...context,
    owner: ownerOf(2),
    origin: { numbers: '0' },
    checkpoint: { ...checkpoint, ledgers: { out: { seq: receipt.seq, digest: receipt.digest } } },
    scheduled,
    fingerprint: 'f',
    isReset: false,
  })

  async function lost() {
    const place = await newPlace<number>()
    const holder = await hold(place)
    await holder.write(...values(0))
    const receipt = await holder.commit({ digest: 'd'.repeat(32) })
    await holder.writer.close()
    // Its markers would bring the offsets back.
    await settled(place.transactionalId)
    const { group } = ledgerNames(place.context, 'default')
    await withAdmin(brokers(), (admin) => admin.deleteGroups([group]))
    expect(await inspect(place)).toBeNull()
    return { place, receipt }
  }

  test('is an error where an epoch is scheduled, and no restart', async () => {
    const { place, receipt } = await lost()
    const claim = claimOf(place, receipt, { epoch: 5, time: 1, seed: 's' })
    await expect(hold(place, 2, { fence: (found) => fenceReceipt('out', found, claim) })).rejects.toMatchObject({
      code: 'ReceiptLost',
      retryable: false,
      details: { checkpointSeq: receipt.seq },
    })
    expect(await inspect(place)).toBeNull()
  })

  test('gets the checkpoint’s receipt again where nothing can have come after it', async () => {
    const { place, receipt } = await lost()
    const claim = claimOf(place, receipt, null)
    const { writer } = await hold(place, 2, { fence: (found) => fenceReceipt('out', found, claim) })
    await writer.close()
    expect(await inspect(place)).toMatchObject({
      seq: receipt.seq + 1,
      digest: receipt.digest,
      positions: { numbers: '10' },
    })
  })
})

describe('what somebody else has committed for the ledger', () => {
  const commitOffset = async ({ context }: Owned, metadata: string | null): Promise<void> => {
    const { group, topic, partition } = ledgerNames(context, 'default')
    const at = { partition, offset: '7', metadata }
    await withProducer(
      brokers(),
      async (producer) => {
        const transaction = await producer.transaction()
        await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [at] }] })
        await transaction.commit()
      },
      uniqueName('somebody-else'),
    )
  }

  test.each([
    ['an offset without metadata', null, 'offset 7 without a receipt'],
    ['other metadata', 'mine', 'offset 7 with other metadata'],
    ['a receipt of another pipeline', 'tidemark/1 0123456789abcdef {}', "another pipeline's receipt"],
  ])('is refused: %s', async (_, metadata, found) => {
    const place = await newPlace<number>()
    const holder = await held(place)
    await commitOffset(place, metadata)
    const expected = { code: 'ForeignReceipt', retryable: false, message: expect.stringContaining(found) as unknown }
    await expect(inspect(place)).rejects.toMatchObject(expected)
    await expect(hold(place, 2)).rejects.toMatchObject(expected)
    // Nobody was fenced by that.
    await holder.commit()
  })
})

describe('an idle writer', () => {
  test('commits its receipt again in time, and goes on', async () => {
    const seen: string[] = []
    const place = await newPlace<number>({}, { refreshMs: 100, openLink: breakingLink([], seen) })
    const holder = await held(place)
    await holder.write(...values(0))
    const receipt = await holder.commit()
    const commits = (): number => seen.filter((api) => api === 'TxnOffsetCommit').length
    await waitUntil(() => commits() >= 5)
    expect(await inspect(place)).toEqual(receipt)
    await holder.write(...values(1))
    await sleep(400) // it waits for the transaction under way
    await holder.commit()
    expect(await readValues(place.topic, place.transactionalId)).toEqual([0, 1])
  })

  test('that has been overtaken does not disturb its successor by it', async () => {
    const place = await newPlace<number>({}, { refreshMs: 100 })
    await held(place)
    const successor = await held({ ...place, sink: (await newPlace<number>({ topic: place.topic })).sink }, 2)
    await successor.write(...values(0))
    await sleep(500)
    await successor.commit()
    expect(await readValues(place.topic, place.transactionalId)).toEqual([0])
  })
})

test('a task number above all before it gets its place in the ledger topic', async () => {
  const place = await newPlace<number>()
  const namespace = uniqueName('namespace')
  for (const partition of [0, 9, 3, 40]) {
    const context = { ...place.context, partition, ledgerKey: `${namespace}/${place.pipeline}/main/${partition}/k` }
    const holder = await held({ ...place, context })
    const receipt = await holder.commit()
    expect(await inspect({ ...place, context })).toEqual(receipt)
  }
})
