import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { afterEach, describe, expect, test } from 'vitest'
import type { KafkaRecord } from '../../../../../src/connectors/kafka/record.js'
import { RecordBatch } from '../../../../../src/connectors/kafka/record-batch.js'
import { writeBatch } from '../../../../../src/connectors/kafka/sink/batch-writer.js'
import { recordEncoder } from '../../../../../src/connectors/kafka/sink/outgoing.js'
import { keyHash } from '../../../../../src/connectors/kafka/sink/murmur2.js'
import type { KafkaSinkOptions } from '../../../../../src/connectors/kafka/sink/sink-options.js'
import { text } from '../../../../../src/definition/serdes/text.js'
import type { Output } from '../../../../../src/definition/sink.js'
import { brokers } from '../../../../setup/shared-servers.js'
import { createTopic } from '../../../../setup/topics.js'
import { uniqueName } from '../../../../setup/unique-name.js'
import { headersOf, hold, type Holder } from './owning.js'
import { newPlace, readRecords, readValues, settled } from './places.js'

const holders: Holder[] = []

afterEach(async () => {
  for (const { writer } of holders.splice(0)) await writer.close()
})

type Options = Partial<KafkaSinkOptions<unknown>>

async function open(options: Options = {}, partitions = 1) {
  const place = await newPlace<unknown>(options, {}, partitions)
  const holder = await hold(place)
  holders.push(holder)
  const read = async (partition = 0) => {
    await settled(place.transactionalId)
    return await readRecords(place.topic, partition)
  }
  return { ...place, ...holder, read }
}

const utf8 = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString())

describe('a record has', () => {
  test('the key and the time of the record it comes from, its value as JSON, and no headers', async () => {
    const out = await open()
    await out.write({
      value: { n: 1 },
      key: Buffer.from('k'),
      timestamp: 1_600_000_000_123,
      headers: headersOf([['h', Buffer.from('x')]]),
    })
    await out.commit()
    const [record] = await out.read()
    expect(utf8(record?.key ?? null)).toBe('k')
    expect(utf8(record?.value ?? null)).toBe('{"n":1}')
    expect(record?.timestamp).toBe(1_600_000_000_123)
    expect([...(record?.headers ?? [])]).toEqual([])
  })

  test('what the options say: key, value, headers in order and repeated, time', async () => {
    const out = await open({
      value: text() as never,
      key: (value, { origin }) => `${String(value)}@${origin.position}`,
      headers: () => ({ a: 'ä', b: ['1', Buffer.from([0, 255])], c: '' }),
      timestamp: () => new Date(5),
    })
    await out.write({ value: 'v' })
    await out.commit()
    const [record] = await out.read()
    expect([utf8(record?.key ?? null), utf8(record?.value ?? null), record?.timestamp]).toEqual(['v@0', 'v', 5])
    const headers = [...(record?.headers ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')])
    expect(headers).toEqual([
      ['a', 'c3a4'],
      ['b', '31'],
      ['b', '00ff'],
      ['c', ''],
    ])
  })

  test('no value where the value is null, whatever the serde says, and no key where that is null', async () => {
    const out = await open({
      value: { encode: () => expect.fail('a tombstone has no bytes') },
      key: () => null,
    })
    await out.write({ value: null, key: Buffer.from('k') })
    await out.commit()
    expect((await out.read()).map(({ key, value }) => [key, value])).toEqual([[null, null]])
  })

  test('an empty key and an empty value that are not null', async () => {
    const out = await open({ value: text() as never, key: () => '' })
    await out.write({ value: '' })
    await out.commit()
    expect((await out.read()).map(({ key, value }) => [utf8(key), utf8(value)])).toEqual([['', '']])
  })

  test('its own time, earlier and later ones mixed', async () => {
    const out = await open()
    // -1: none, as clients of before Kafka 0.10 write it, and brokers take it still.
    const times = [5_000_000_000_000, -1, 0, 1_700_000_000_000, 1, 4_999_999_999_999]
    await out.write(...times.map((timestamp, n) => ({ value: n, timestamp })))
    await out.commit()
    expect((await out.read()).map(({ timestamp }) => timestamp)).toEqual(times)
  })
})

test('a batch of records without a time is read as one', () => {
  const settings = { topic: 't', value: text(), codec: 'none' as const }
  const encode = recordEncoder<string>({
    ...settings,
    key: undefined,
    headers: undefined,
    timestamp: undefined,
    partition: undefined,
  })
  const origin = { source: 's', partition: 0, position: '0' }
  const times = [-1, 1_700_000_000_000, -1]
  const records = times.map((timestamp) =>
    encode({ value: 'v', key: null, timestamp, headers: headersOf([]), origin, id: 'i' }),
  )
  const read: KafkaRecord[] = []
  new RecordBatch(writeBatch(records, { id: 1, epoch: 0 }, 0)).records(0).read(read, 10, Infinity)
  expect(read.map(({ timestamp }) => timestamp)).toEqual(times)
})

describe('an output is bad', () => {
  const bad: [string, Options, Partial<Output<unknown>>, string][] = [
    ['with a key that is no text', { key: () => 7 as never }, {}, 'key returned a number'],
    [
      'with a header that is no text',
      { headers: () => ({ h: 7 }) as never },
      {},
      "header 'h' must be a string or bytes",
    ],
    ['with a time that is none', { timestamp: () => new Date(Number.NaN) }, {}, 'timestamp came to NaN'],
    ['with a time before 1970', {}, { timestamp: -2 }, 'timestamp came to -2'],
    ['with a time of its own that is none', { timestamp: () => -1 }, {}, 'timestamp came to -1'],
    ['with a topic that can be none', { topic: () => 'no topic!' }, {}, 'topic returned a string'],
    ['without JSON', {}, { value: undefined }, 'has no JSON'],
  ]
  test.each(bad)('%s', async (_, options, output, message) => {
    const { sink } = await newPlace<unknown>(options)
    const encode = () =>
      sink.encode({
        value: 1,
        key: null,
        timestamp: 1,
        headers: headersOf([]),
        origin: { source: 's', partition: 0, position: '0' },
        id: 'i',
        ...output,
      })
    expect(encode).toThrow(message)
  })
})

describe('the digest covers', () => {
  const changes: [string, Options, Options][] = [
    ['the topic', { topic: () => 'a' }, { topic: () => 'b' }],
    ['the key', { key: () => 'a' }, { key: () => 'b' }],
    ['the headers', { headers: () => ({ h: 'a' }) }, { headers: () => ({ h: 'b' }) }],
    ['the time', { timestamp: () => 1 }, { timestamp: () => 2 }],
    ['the value', { value: { encode: () => Buffer.from('a') } }, { value: { encode: () => Buffer.from('b') } }],
  ]
  test.each(changes)('%s', async (_, one, other) => {
    const output = {
      value: 1,
      key: null,
      timestamp: 1,
      headers: headersOf([]),
      origin: { source: 's', partition: 0, position: '0' },
      id: 'i',
    }
    const bytesOf = async (options: Options): Promise<string> => {
      const { sink } = await newPlace<unknown>(options)
      return Buffer.from(sink.digest?.(sink.encode(output)) ?? []).toString('hex')
    }
    expect(await bytesOf(one)).not.toBe(await bytesOf(other))
  })
})

describe('a record goes to the partition', () => {
  test('that the Java client’s hash of its key names', async () => {
    // Known to be what Java computes: the values of Kafka's own test of its hash.
    const known: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ]
    for (const [key, hash] of known) expect(keyHash(Buffer.from(key)), key).toBe(hash & 0x7fffffff)
    const require = createRequire(import.meta.url)
    const kafkajs = require('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number
    for (let length = 0; length < 200; length++) {
      const key = randomBytes(length)
      expect(keyHash(key), key.toString('hex')).toBe(kafkajs(key) & 0x7fffffff)
    }
  })

  test('of its key, of its own number without one', async () => {
    const out = await open({}, 3)
    const keys = ['21', 'foobar', 'abc', 'a-little-bit-long-string']
    await out.write(...keys.map((key) => ({ value: key, key: Buffer.from(key) })), { value: 'none' })
    await out.commit()
    for (let partition = 0; partition < 3; partition++) {
      const expected = keys.filter((key) => keyHash(Buffer.from(key)) % 3 === partition)
      // The task's partition is 3.
      if (partition === 0) expected.push('none')
      expect(await readValues(out.topic, out.transactionalId, partition)).toEqual(expected)
    }
  })

  test('that the option names, which is told how many there are', async () => {
    const out = await open({ partition: (value, partitions) => (Number(value) === 0 ? 0 : partitions - 1) }, 3)
    await out.write({ value: 0 }, { value: 1 }, { value: 0 })
    await out.commit()
    const values = [0, 1, 2].map((partition) => readValues(out.topic, out.transactionalId, partition))
    expect(await Promise.all(values)).toEqual([[0, 0], [], [1]])
  })

  test.each([[() => 3], [() => -1], [() => 0.5], [() => expect.fail('broken')]])(
    'or is rejected where that is none',
    async (partition) => {
      const out = await open({ partition }, 3)
      await expect(out.write({ value: 1 })).rejects.toMatchObject({
        code: 'RecordRejected',
        details: { origin: { source: 'item-0' } },
        message: expect.stringContaining('partition'),
      })
    },
  )
})

test('values choose their topics, all in one transaction', async () => {
  const [a, b] = [uniqueName('topic-a'), uniqueName('topic-b')]
  const out = await open({ topic: (value) => (Number(value) % 2 === 0 ? a : b) })
  for (const topic of [a, b]) await createTopic(brokers(), topic, 1)
  await out.write({ value: 0 }, { value: 1 }, { value: 2 })
  await out.write({ value: 3 })
  expect([await readValues(a, 'x'), await readValues(b, 'x')]).toEqual([[], []])
  await out.commit()
  expect(await readValues(a, out.transactionalId)).toEqual([0, 2])
  expect(await readValues(b, out.transactionalId)).toEqual([1, 3])
})

test.each(['gzip', 'snappy', 'lz4'] as const)(
  'batches compressed with %s are taken by the broker and read back',
  async (compression) => {
    const out = await open({ compression })
    const values = Array.from({ length: 5_000 }, (_, n) => ({ n, pad: 'x'.repeat(50) }))
    await out.write(...values.map((value) => ({ value, key: Buffer.from('k') })))
    await out.commit()
    expect(await readValues(out.topic, out.transactionalId)).toEqual(values)
  },
)

test('more than a batch holds, to several partitions, keeps its order', async () => {
  const out = await open({ partition: (value) => (value as { n: number }).n % 2 }, 2)
  const values = Array.from({ length: 4_000 }, (_, n) => ({ n, pad: 'x'.repeat(1_000) }))
  for (const from of [0, 2_000]) await out.write(...values.slice(from, from + 2_000).map((value) => ({ value })))
  await out.commit()
  await out.write({ value: { n: 4_000 } })
  await out.commit()
  const even = (await readValues(out.topic, out.transactionalId, 0)) as { n: number }[]
  const odd = (await readValues(out.topic, out.transactionalId, 1)) as { n: number }[]
  expect(even.map(({ n }) => n)).toEqual([...values.filter(({ n }) => n % 2 === 0).map(({ n }) => n), 4_000])
  expect(odd.map(({ n }) => n)).toEqual(values.filter(({ n }) => n % 2 === 1).map(({ n }) => n))
})
