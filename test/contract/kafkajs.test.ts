/**
 * What this library uses of kafkajs beyond its declared types. An upgrade that changes any of it must fail here, not in
 * somebody's pipeline.
 */
import { createRequire } from 'node:module'
import kafkajs, { type Cluster } from 'kafkajs'
import { afterEach, describe, expect, test } from 'vitest'
import { type BrokerLink, openBrokerLink } from '../../src/connectors/kafka/broker-link.js'
import { fetchRequest } from '../../src/connectors/kafka/protocol/fetch.js'
import { metadataRequest } from '../../src/connectors/kafka/protocol/metadata.js'
import { brokers } from '../setup/shared-servers.js'
import { createTopic } from '../setup/topics.js'
import { uniqueName } from '../setup/unique-name.js'

const require = createRequire(import.meta.url)
const signal = new AbortController().signal
const links: BrokerLink[] = []

afterEach(() => {
  for (const link of links.splice(0)) link.destroy()
})

async function linkToBroker(ending = signal): Promise<BrokerLink> {
  const link = await openBrokerLink({ brokers: brokers() }, brokers()[0] ?? '', ending)
  links.push(link)
  return link
}

test('its version is the one all this was measured with', () => {
  expect(require('kafkajs/package.json')).toMatchObject({ version: '2.2.4' })
  expect(require('../../package.json')).toMatchObject({ dependencies: { kafkajs: '2.2.4' } })
})

test('an assigner factory is handed the cluster when its consumer is made', async () => {
  let found: Cluster | undefined
  const kafka = new kafkajs.Kafka({ brokers: brokers(), logLevel: kafkajs.logLevel.NOTHING })
  const protocol = () => ({ name: 'x', metadata: Buffer.alloc(0) })
  const assigner = ({ cluster }: { cluster: Cluster }) => {
    found = cluster
    return { name: 'x', version: 0, assign: () => Promise.resolve([]), protocol }
  }
  kafka.consumer({ groupId: 'unused', partitionAssigners: [assigner] })
  expect(found).toBeDefined()
  await found?.connect()
  expect(found).toMatchObject({
    brokerPool: {
      seedBroker: { versions: { 1: { minVersion: expect.any(Number) } }, connectionPool: { pool: expect.any(Array) } },
    },
  })
  await found?.disconnect()
})

/** The highest version that kafkajs speaks of each call that it makes for us. */
const spoken = { ApiVersions: 2, SaslHandshake: 1, SaslAuthenticate: 1 } as const

describe.each(Object.entries(spoken))('its %s', (name, version) => {
  const { requests } = require('kafkajs/src/protocol/requests') as {
    requests: Readonly<Record<string, { versions: readonly string[] } | undefined>>
  }
  const keys = require('kafkajs/src/protocol/requests/apiKeys') as Readonly<Record<string, number>>

  test(`goes up to version ${version}, which the broker speaks too`, async () => {
    expect(Math.max(...(requests[name]?.versions.map(Number) ?? []))).toBe(version)
    const offered = (await linkToBroker()).versions[keys[name] ?? -1]
    expect(offered?.maxVersion).toBeGreaterThanOrEqual(version)
    expect(offered?.minVersion).toBeLessThanOrEqual(version)
  })
})

describe('a request of ours goes through it as it is', () => {
  test('and the answer comes back whole, in a flexible version too', async () => {
    const topic = await createTopic(brokers(), uniqueName('contract'), 3)
    const { metadata, raw } = await (async () => {
      let seen: Buffer = Buffer.alloc(0)
      const request = metadataRequest(topic)
      const read = (body: Buffer) => request.read((seen = body))
      return { metadata: await (await linkToBroker()).send({ ...request, read }), raw: seen }
    })()
    expect(metadata).toMatchObject({
      errorCode: 0,
      throttleMs: 0,
      topicId: expect.stringMatching(/^(?!0{32})[0-9a-f]{32}$/),
    })
    expect([...metadata.partitions.keys()].toSorted((a, b) => a - b)).toEqual([0, 1, 2])
    expect([...metadata.brokers.values()]).toContain(brokers()[0])
    expect(raw.includes(topic)).toBe(true)
  })

  test('and what reading it throws comes out', async () => {
    const link = await linkToBroker()
    const read = () => {
      throw new RangeError('unreadable')
    }
    await expect(link.send({ ...metadataRequest('any'), read })).rejects.toThrow('unreadable')
  })
})

describe('a long poll ends at once', () => {
  const longPoll = async (link: BrokerLink, topicId: string): Promise<unknown> => {
    const place = { topicId, partition: 0, leaderEpoch: -1, offset: 0, committed: true }
    return await link.send(fetchRequest({ ...place, maxWaitMs: 20_000, maxBytes: 1_000 }), 20_000)
  }

  test.each(['destroyed', 'aborted'])('when its connection is %s', async (how) => {
    const end = new AbortController()
    const link = await linkToBroker(end.signal)
    const topic = await createTopic(brokers(), uniqueName('contract'), 1)
    const { topicId } = await link.send(metadataRequest(topic))
    const begun = performance.now()
    setTimeout(() => (how === 'aborted' ? end.abort() : link.destroy()), 800)
    await expect(longPoll(link, topicId)).rejects.toThrow('ended on this side')
    expect(performance.now() - begun).toBeLessThan(15_000)
  })
})
