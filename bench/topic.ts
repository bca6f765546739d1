import kafkajs from 'kafkajs'
import { recordOf } from './records.js'

/** kafkajs sorts messages into partitions in quadratic time: above this it blocks for long. */
const CHUNK = 1_000

/** A topic of one partition with that many records. One that an earlier benchmark left on these brokers serves again. */
export async function fillTopic(brokers: readonly string[], records: number): Promise<string> {
  const topic = `tidemark-bench-${records}`
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'tidemark-bench',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = client.admin()
  await admin.connect()
  try {
    if ((await admin.listTopics()).includes(topic)) {
      const [offsets] = await admin.fetchTopicOffsets(topic)
      if (offsets?.low === '0' && offsets.high === String(records)) return topic
      throw new Error(`topic '${topic}' holds offsets ${offsets?.low} to ${offsets?.high}: delete it, it is made anew`)
    }
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
    })
  } finally {
    await admin.disconnect()
  }
  const producer = client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  try {
    for (let sent = 0; sent < records; sent += CHUNK) {
      const messages = Array.from({ length: Math.min(CHUNK, records - sent) }, (_, i) => ({
        value: recordOf(sent + i),
      }))
      await producer.send({ topic, acks: -1, messages })
    }
  } finally {
    await producer.disconnect()
  }
  return topic
}
