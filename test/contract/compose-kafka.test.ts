/** The Kafka of docker-compose.yml, started without Docker from the very settings that the container gets. */
import { readFile } from 'node:fs/promises'

import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'

import { startKafka, type KafkaServer } from '../../src/dev/kafka-server.js'
import { freePort } from '../../src/dev/ports.js'

let kafka: KafkaServer
let hostPort: number
beforeAll(async () => {
  const text = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
  const { services } = parse(text) as { services: { kafka: { environment: Record<string, string> } } }
  const [port, controllerPort] = [await freePort(), await freePort()]
  hostPort = await freePort()
  // What a broker that is told nothing does: the settings of our own dev stack must not help here.
  const brokerConfig: Record<string, string> = {
    'offsets.topic.replication.factor': '3',
    'transaction.state.log.replication.factor': '3',
    'transaction.state.log.min.isr': '2',
  }
  for (const [name, value] of Object.entries(services.kafka.environment)) {
    // The image makes properties of variables like this; where the data lies is the container's affair.
    const property = /^KAFKA_(.+)$/.exec(name)?.[1]?.toLowerCase().replaceAll('_', '.')
    if (property === undefined || property === 'log.dirs') continue
    brokerConfig[property] = value
      .replaceAll(/kafka:|(?<=\/\/):/g, '127.0.0.1:')
      .replaceAll(':9092', `:${port}`)
      .replaceAll(':9093', `:${controllerPort}`)
      .replaceAll(':29092', `:${hostPort}`)
  }
  kafka = await startKafka({ port, brokerConfig })
})
afterAll(() => kafka?.stop())

it('serves clients in containers and on the host, and sends each back to where it came from', async () => {
  for (const broker of [kafka.brokers[0]!, `localhost:${hostPort}`]) {
    const client = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING })
    const admin = client.admin()
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    await admin.disconnect()
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([broker])
  }
})

it('does transactions', async () => {
  const client = new kafkajs.Kafka({ brokers: [...kafka.brokers], logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic: 'tides', numPartitions: 1, replicationFactor: 1 }],
    waitForLeaders: true,
  })
  await admin.disconnect()
  const producer = client.producer({ transactionalId: 'tides', idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const transaction = await producer.transaction()
  const [sent] = await transaction.send({ topic: 'tides', messages: [{ value: 'high' }] })
  await transaction.commit()
  await producer.disconnect()
  expect(sent?.errorCode).toBe(0)
})
