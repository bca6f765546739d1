import { randomUUID } from 'node:crypto'

import kafkajs from 'kafkajs'

import { waitUntil } from '../setup/wait-until.js'

export interface TopicRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

const WITHIN_MS = 180_000

/** All that is in a topic, by offset within each partition, as an ordinary consumer sees it. */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
): Promise<ReadonlyMap<number, TopicRecord[]>> {
  const groupId = `oracle-${randomUUID()}`
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: 'oracle', logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  // To end, it waits for its last fetch.
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
  // By offset: a consumer may be given a record twice.
  const found = new Map<number, Map<number, TopicRecord>>()
  try {
    await Promise.all([admin.connect(), consumer.connect()])
    const ends = await admin.fetchTopicOffsets(topic)
    for (const { partition } of ends) found.set(partition, new Map())
    const isComplete = (): boolean =>
      ends.every(({ partition, low, high }) => (found.get(partition)?.size ?? 0) >= Number(high) - Number(low))
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { offset, key, value } of batch.messages) {
          const record = {
            partition: batch.partition,
            offset: Number(offset),
            key: key?.toString() ?? null,
            value: value?.toString() ?? null,
          }
          found.get(batch.partition)?.set(record.offset, record)
        }
      },
    })
    await waitUntil(isComplete, { for: `the oracle to have read all of topic ${topic}`, timeoutMs: WITHIN_MS })
  } finally {
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => undefined)
    await admin.disconnect()
  }
  const sorted = [...found].map(
    ([partition, records]) => [partition, [...records.values()].toSorted((a, b) => a.offset - b.offset)] as const,
  )
  return new Map(sorted)
}
