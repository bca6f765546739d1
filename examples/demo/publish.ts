import kafkajs, { type Admin } from 'kafkajs'
import type { Flight } from './flights.js'

export const TOPIC = 'flights'
const PARTITIONS = 4
/** kafkajs sorts messages into partitions in quadratic time: above this it blocks for long. */
const CHUNK = 1_000
const createPartitioner = kafkajs.Partitioners.DefaultPartitioner

export interface Publishing {
  readonly brokers: readonly string[]
  readonly flights: readonly Flight[]
  /** Awaited before the next ones. */
  readonly onProgress: (published: number) => void | Promise<void>
  /** How many flights at once. Default: as many as there may be. */
  readonly portion?: number
}

/** Makes the topic anew and publishes each flight once, by its origin. */
export async function publish({ brokers, flights, onProgress, portion = CHUNK }: Publishing): Promise<void> {
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'tidemark-demo',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = client.admin()
  await admin.connect()
  try {
    await emptyTopic(admin, flights.length)
  } finally {
    await admin.disconnect()
  }
  // Idempotent: what is sent again after a lost answer isn't stored again.
  const producer = client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner,
  })
  await producer.connect()
  try {
    for (let published = 0; published < flights.length; published += portion) {
      const chunk = flights.slice(published, published + portion)
      const messages = chunk.map((flight) => ({ key: flight.origin, value: JSON.stringify(flight) }))
      await producer.send({ topic: TOPIC, acks: -1, messages })
      await onProgress(published + chunk.length)
    }
  } finally {
    await producer.disconnect()
  }
}

/** The flights of each partition, in their order. */
export function byPartition(flights: readonly Flight[]): readonly (readonly Flight[])[] {
  const partitionMetadata = Array.from({ length: PARTITIONS }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }))
  const partitionOf = createPartitioner()
  const partitions: Flight[][] = partitionMetadata.map(() => [])
  for (const flight of flights) {
    const message = { key: flight.origin, value: null }
    partitions[partitionOf({ topic: TOPIC, partitionMetadata, message })]?.push(flight)
  }
  return partitions
}

/** Where brokers were given, there may be a topic of an earlier demo, or somebody else's of that name. */
async function emptyTopic(admin: Admin, published: number): Promise<void> {
  if ((await admin.listTopics()).includes(TOPIC)) {
    const offsets = await admin.fetchTopicOffsets(TOPIC)
    const records = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
    if (offsets.length !== PARTITIONS || records > published) {
      throw new Error(
        `these brokers have a topic '${TOPIC}' of ${offsets.length} partitions and ${records} records, which isn't this demo's: give others, or delete it`,
      )
    }
    await admin.deleteTopics({ topics: [TOPIC] })
  }
  // A deletion takes a moment until the name is free again.
  for (let tries = 1; ; tries++) {
    try {
      await admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }],
      })
      return
    } catch (error) {
      if (tries === 20) throw error
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}
