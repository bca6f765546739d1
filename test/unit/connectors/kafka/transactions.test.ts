import type { Message, Producer, Transaction } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SourceReader } from '../../../../src/definition/source.js'
import { brokers } from '../../../setup/shared-servers.js'
import { createTopic } from '../../../setup/topics.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { waitUntil } from '../../../setup/wait-until.js'
import { boundsOf, definitionOf, open, poll, produce, readUntil, withProducer } from './reading.js'

let topic: string
let readers: SourceReader<unknown>[] = []

beforeEach(async () => {
  topic = await createTopic(brokers(), uniqueName('transactions'), 1)
})

afterEach(async () => {
  for (const reader of readers) await reader.close()
  readers = []
})

const send = (to: Transaction | Producer, message: string | Message): Promise<unknown> =>
  to.send({ topic, messages: [{ ...(typeof message === 'string' ? { value: message } : message), partition: 0 }] })

async function readFrom(position: number, next: number, isolation: 'read_committed' | 'read_uncommitted') {
  const reader = await open(definitionOf(topic, { isolation }), { brokers: brokers(), position: String(position) })
  readers.push(reader)
  return await readUntil(reader, next)
}

/** Markers are written some time after abort and commit have returned. */
async function logEnds(offset: number): Promise<void> {
  const definition = definitionOf(topic, { isolation: 'read_uncommitted' })
  await waitUntil(async () => (await boundsOf(definition, { brokers: brokers() })).end === String(offset))
}

/** Writes with three producers at a time: 0 `a0` 1 `b1` 2 `c2` 3 `a3` 4 `out` 5 abort of a, 6 `b6` 7 abort of c, 8 `a8` 9 commit of b, 10 commit of a. */
async function interleave(): Promise<void> {
  const id = uniqueName('tx')
  const withTransactional = (name: string, use: (producer: Producer) => Promise<void>): Promise<void> =>
    withProducer(brokers(), use, `${id}-${name}`)
  await withTransactional('a', (a) =>
    withTransactional('b', (b) =>
      withTransactional('c', async (c) => {
        const [first, second, third] = [await a.transaction(), await b.transaction(), await c.transaction()]
        await send(first, 'a0')
        await send(second, 'b1')
        await send(third, 'c2')
        await send(first, 'a3')
        await produce(brokers(), topic, ['out'])
        await first.abort()
        await logEnds(6)
        await send(second, 'b6')
        await third.abort()
        await logEnds(8)
        const again = await a.transaction()
        await send(again, 'a8')
        await second.commit()
        await logEnds(10)
        await again.commit()
      }),
    ),
  )
}

describe('transactions written at the same time', () => {
  beforeEach(interleave)

  test('are read where committed, left out where aborted', async () => {
    expect(await readFrom(0, 11, 'read_committed')).toEqual(['1:b1', '4:out', '6:b6', '8:a8'])
  })

  test.each([
    [1, ['1:b1', '4:out', '6:b6', '8:a8']],
    [2, ['4:out', '6:b6', '8:a8']],
    [3, ['4:out', '6:b6', '8:a8']],
    [5, ['6:b6', '8:a8']],
    [7, ['8:a8']],
  ])('are left out too when reading starts at %s, within them', async (position, expected) => {
    expect(await readFrom(position, 11, 'read_committed')).toEqual(expected)
  })

  test('are all read uncommitted, without their markers', async () => {
    expect(await readFrom(0, 11, 'read_uncommitted')).toEqual(['0:a0', '1:b1', '2:c2', '3:a3', '4:out', '6:b6', '8:a8'])
  })
})

test('a user’s key that looks like an abort marker neither leaks nor hides anything', async () => {
  const message = { key: Buffer.from([0, 0, 0, 0]), value: 'marker-like' }
  await withProducer(
    brokers(),
    async (producer) => {
      const aborted = await producer.transaction()
      await send(aborted, message)
      await send(aborted, 'x')
      await aborted.abort()
      const committed = await producer.transaction()
      await send(committed, message)
      await send(committed, 'y')
      await committed.commit()
    },
    uniqueName('tx'),
  )
  expect(await readFrom(0, 6, 'read_committed')).toEqual(['3:marker-like', '4:y'])
})

test('nothing from an open transaction on is read, or counts as the end', async () => {
  await withProducer(
    brokers(),
    async (producer) => {
      await produce(brokers(), topic, ['before'])
      const open_ = await producer.transaction()
      await send(open_, 'x')
      await produce(brokers(), topic, ['after'])

      const [reader] = (readers = [await open(definitionOf(topic), { brokers: brokers() })])
      expect((await boundsOf(definitionOf(topic), { brokers: brokers() })).end).toBe('1')
      expect((await boundsOf(definitionOf(topic, { isolation: 'read_uncommitted' }), { brokers: brokers() })).end).toBe(
        '3',
      )
      if (reader === undefined) throw new Error('no reader')
      expect(await poll(reader)).toMatchObject({ next: '1', lag: 2 })
      const begun = performance.now()
      expect(await poll(reader, { maxWaitMs: 400 })).toMatchObject({ records: [], next: '1', lag: 2 })
      expect(performance.now() - begun).toBeGreaterThan(350) // not a busy loop
      const waiting = poll(reader, { maxWaitMs: 30_000 })
      await open_.commit()
      expect((await waiting).records[0]?.position).toBe('1')
    },
    uniqueName('tx'),
  )
})
