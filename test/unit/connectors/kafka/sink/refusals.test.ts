import { describe, expect, test } from 'vitest'
import { brokers } from '../../../../setup/shared-servers.js'
import { createTopic } from '../../../../setup/topics.js'
import { uniqueName } from '../../../../setup/unique-name.js'
import { withAdmin } from '../reading.js'
import { hold } from './owning.js'
import { newPlace, readValues } from './places.js'

const pad = (bytes: number, n: number) => ({ n, pad: 'x'.repeat(bytes) })

describe('a topic that takes small batches only', () => {
  test('gets smaller ones, in order', async () => {
    const topic = await createTopic(brokers(), uniqueName('small'), 1, { 'max.message.bytes': '5000' })
    const place = await newPlace<unknown>({ topic })
    const holder = await hold(place)
    const values = Array.from({ length: 200 }, (_, n) => pad(100, n))
    await holder.write(...values.map((value) => ({ value })))
    await holder.commit()
    expect(await readValues(topic, place.transactionalId)).toEqual(values)
    await holder.writer.close()
  })

  test('takes the others of a commit when the one that is too large has been left out', async () => {
    const topic = await createTopic(brokers(), uniqueName('small'), 2, { 'max.message.bytes': '5000' })
    const place = await newPlace<unknown>({ topic, partition: (value) => (value as { n: number }).n % 2 })
    const holder = await hold(place)
    const values = Array.from({ length: 40 }, (_, n) => pad(n === 13 ? 6_000 : 100, n))
    await expect(holder.write(...values.map((value) => ({ value })))).rejects.toMatchObject({ code: 'RecordRejected' })
    await holder.writer.abort()
    const rest = values.filter(({ n }) => n !== 13)
    await holder.write(...rest.map((value) => ({ value })))
    await holder.commit()
    for (const partition of [0, 1]) {
      const own = rest.filter(({ n }) => n % 2 === partition)
      expect(await readValues(topic, place.transactionalId, partition)).toEqual(own)
    }
    await holder.writer.close()
  })

  test('rejects the record that is too large by itself, and takes nothing of the commit', async () => {
    const topic = await createTopic(brokers(), uniqueName('small'), 1, { 'max.message.bytes': '5000' })
    const place = await newPlace<unknown>({ topic })
    const holder = await hold(place)
    const values = Array.from({ length: 40 }, (_, n) => pad(n === 27 ? 6_000 : 100, n))
    await expect(holder.write(...values.map((value) => ({ value })))).rejects.toMatchObject({
      code: 'RecordRejected',
      retryable: false,
      details: { origin: { source: 'item-27' } },
      message: expect.stringContaining('MESSAGE_TOO_LARGE'),
    })
    await holder.writer.close()
    expect(await readValues(topic, place.transactionalId)).toEqual([])
  })
})

test('a compacted topic rejects the record without a key', async () => {
  const topic = await createTopic(brokers(), uniqueName('compacted'), 1, { 'cleanup.policy': 'compact' })
  const holder = await hold(await newPlace<unknown>({ topic }))
  const key = Buffer.from('k')
  await expect(holder.write({ value: 0, key }, { value: 1 }, { value: 2, key })).rejects.toMatchObject({
    code: 'RecordRejected',
    details: { origin: { source: 'item-1' } },
    message: expect.stringContaining('INVALID_RECORD'),
  })
  await holder.writer.close()
})

test('a topic that isn’t there is said to be missing, and isn’t made', async () => {
  const topic = uniqueName('nowhere')
  const holder = await hold(await newPlace<unknown>({ topic }))
  await expect(holder.write({ value: 0 })).rejects.toMatchObject({
    code: 'SinkUnauthorized',
    retryable: false,
    message: expect.stringContaining(`describe topic ${topic}: create the topic first`),
  })
  await holder.writer.close()
  expect(await withAdmin(brokers(), (admin) => admin.listTopics())).not.toContain(topic)
})

test('a transaction time-out that brokers don’t allow is named', async () => {
  // Of several options only this one is looked at by brokers at once; they allow 15 minutes.
  const place = await newPlace<unknown>({ transactionTimeout: '16m' })
  await expect(hold(place)).rejects.toMatchObject({
    code: 'SinkUnauthorized',
    message: expect.stringContaining('INVALID_TRANSACTION_TIMEOUT'),
  })
})
