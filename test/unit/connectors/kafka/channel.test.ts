import { expect, test } from 'vitest'
import { headersOf } from '../../../../src/definition/headers.js'
import { json } from '../../../../src/definition/serdes/index.js'
import type { Output } from '../../../../src/definition/sink.js'
import { ChannelRecord, channelHeaders } from '../../../../src/connectors/kafka/channel/channel-record.js'
import { channelTopic, topicIn } from '../../../../src/connectors/kafka/channel/channel-topic.js'
import { kafkaChannel } from '../../../../src/connectors/kafka/channel/kafka-channel.js'
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
  const names = spaces.map((space) => topicIn(space, topic))
  for (const name of names) expect(name).toMatch(legal)
  expect(new Set(names).size).toBe(spaces.length)
})

test('other topics are called as they are', () => {
  expect(topicIn('default', 'tidemark.x')).toBe('tidemark.x')
  expect(channelTopic('p', 'i')).not.toMatch(legal)
})

test('time and headers come out as they went in, and nothing else is seen', () => {
  const bytes = (value: string) => Buffer.from(value)
  const given = headersOf([
    ['a', bytes('1')],
    ['b', bytes('2')],
    ['tidemark-time', bytes('not ours')],
    ['a', bytes('3')],
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
    expect([...record.headers].map(([name]) => name)).toEqual(['a', 'a', 'b'])
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
