import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { headersOf } from '../../../../src/definition/headers.js'
import { json } from '../../../../src/definition/serdes/index.js'
import type { Output } from '../../../../src/definition/sink.js'
import { ChannelRecord, channelHeaders } from '../../../../src/connectors/kafka/channel/channel-record.js'
import { channelTopic, topicIn } from '../../../../src/connectors/kafka/channel/channel-topic.js'
import { kafkaChannel } from '../../../../src/connectors/kafka/channel/kafka-channel.js'
import { brokers } from '../../../setup/shared-servers.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { waitUntil } from '../../../setup/wait-until.js'
import type { Outgoing } from '../../../../src/connectors/kafka/sink/outgoing.js'

const legal = /^[A-Za-z0-9._-]{1,249}$/

test('a topic is called by namespace, pipeline and step', () => {
  expect(topicIn('default', channelTopic('flights', 'by-airport'))).toBe(
    'tidemark.default.flights.by-airport-repartition',
  )
})

test('no two namespaces come to one topic, and every name is one that Kafka takes', () => {
  const topic = channelTopic('p'.repeat(64), 'i'.repeat(64))
  const spaces = ['a/b', 'a-b', 'a b', 'x'.repeat(200), `${'x'.repeat(200)}y`, 'team.prod', 'ü']
  const names = spaces.flatMap((space) => [topicIn(space, topic), topicIn(space, topic, '5f0c2a91')])
  for (const name of names) expect(name).toMatch(legal)
  expect(new Set(names).size).toBe(2 * spaces.length)
})

test('other topics are called as they are', () => {
  expect(topicIn('default', 'tidemark.x', '5f0c2a91')).toBe('tidemark.x')
  expect(channelTopic('p', 'i')).not.toMatch(legal)
})

test('time and headers come out as they went in, and nothing else is seen', () => {
  const bytes = (value: string) => Buffer.from(value)
  const given = headersOf([
    ['a', bytes('1')],
    ['b', bytes('2')],
    ['tidemark-time', bytes('not ours')],
    ['a', bytes('3')],
    ['7', bytes('4')],
    ['constructor', bytes('5')],
    ['__proto__', bytes('6')],
  ])
  const sender = { partition: 3, watermark: -7 }
  for (const time of [0, -1, 1_700_000_000_000, 0.5]) {
    const sent = Object.entries(channelHeaders(time, sender, given)).flatMap(([name, values]) =>
      (values as Uint8Array[]).map((value): [string, Uint8Array] => [name, value]),
    )
    const record = new ChannelRecord({
      position: '7',
      next: '8',
      key: null,
      value: bytes('v'),
      timestamp: 99,
      headers: headersOf(sent),
    })
    expect(record.timestamp).toBe(time)
    expect(record.sender).toEqual(sender)
    expect(record.headers.all('a').map(String)).toEqual(['1', '3'])
    expect([...record.headers].map(([name]) => name)).toEqual(['7', 'a', 'a', 'b', 'constructor', '__proto__'])
    expect([record.position, record.next, String(record.value)]).toEqual(['7', '8', 'v'])
  }
})

test('Kafka’s own timestamp is the epoch’s: however old values are, retention counts from now', () => {
  const channel = kafkaChannel(
    {
      pipeline: 'p',
      id: 'i',
      key: json(),
      value: json(),
      partitions: () => Promise.resolve(1),
      senders: () => Promise.resolve(1),
      timed: null,
    },
    'default',
  )
  const output: Output<unknown> = {
    value: { n: 1 },
    key: Buffer.from('k'),
    timestamp: -5,
    now: 1_700_000_000_000,
    headers: headersOf([]),
    origin: { source: 's', partition: 0, position: '0' },
    id: 'id',
  }
  const record = channel.sink.encode(output) as Outgoing
  expect([record.timestamp, record.topic]).toEqual([1_700_000_000_000, channelTopic('p', 'i')])
})

test('its topic is made with the number of partitions that is due, refused with another, and read committed', async () => {
  const pipeline = uniqueName('channel')
  const source = (partitions: number) =>
    kafkaChannel(
      {
        pipeline,
        id: 'by-key',
        key: json(),
        value: json(),
        partitions: () => Promise.resolve(partitions),
        senders: () => Promise.resolve(1),
        timed: null,
      },
      'default',
    ).source
  const asked = {
    pipeline,
    source: 'by-key',
    namespace: 'team/a',
    signal: new AbortController().signal,
    connection: () => ({ brokers: brokers() }),
  }
  const topic = topicIn('team/a', channelTopic(pipeline, 'by-key'))
  const kafka = new kafkajs.Kafka({ brokers: [...brokers()], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    // Whoever comes second finds it.
    expect(await Promise.all([source(3).partitions(asked), source(3).partitions(asked)])).toEqual([3, 3])
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions).toHaveLength(3)
    const described = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] }],
    })
    expect(described.resources[0]?.configEntries[0]).toMatchObject({ configValue: 'delete', isDefault: false })
    await expect(source(4).partitions(asked)).rejects.toMatchObject({
      code: 'PartitionCountMismatch',
      retryable: false,
      details: { topic, needed: 4, found: 3, source: 'by-key', pipeline },
    })

    // What was written by an attempt that was taken back is no record of it; but all that was written counts for its end.
    const createPartitioner = kafkajs.Partitioners.DefaultPartitioner
    const producer = kafka.producer({ createPartitioner, transactionalId: pipeline, maxInFlightRequests: 1 })
    await producer.connect()
    for (const end of ['abort', 'commit'] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ partition: 0, key: '"k"', value: JSON.stringify(end) }] })
      await transaction[end]()
    }
    await producer.disconnect()
    const at = { ...asked, partition: 0 }
    // Markers are written some time after abort and commit have returned.
    const bounds = await waitUntil(async () => {
      const found = await source(3).bounds(at)
      return Number(found.end) >= 4 ? found : null
    })
    expect(bounds).toMatchObject({ start: '0', end: '4' })
    const reader = await source(3).open({ ...at, position: '0' })
    const values: unknown[] = []
    for (let next = 0; next < 4;) {
      const batch = await reader.poll({ maxRecords: 10, maxBytes: 1e6, maxWaitMs: 1_000, signal: asked.signal })
      next = Number(batch.next)
      values.push(...batch.records.map((record) => [source(3).key?.(record), source(3).decode(record)]))
    }
    await reader.close()
    expect(values).toEqual([['k', 'commit']])
  } finally {
    await admin.deleteTopics({ topics: [topic] }).catch(() => undefined)
    await admin.disconnect()
  }
})
