import { randomUUID } from 'node:crypto'
import kafkajs, { type Admin } from 'kafkajs'
import { RECORD_BYTES, recordOf } from './records.js'

/** Every 100 ms and every second. */
export const COMMITS_MS: readonly number[] = [100, 1_000]

/** Bytes of a fetch. */
const FETCH_BYTES = 8 * 1024 * 1024
/** After the last record, for one too many to come. */
const QUIET_MS = 300

/** The topic a contender writes to: each round appends a copy. */
export const copyTarget = (topic: string, contender: string, commitMs: number): string =>
  `${topic}-${contender}-${commitMs}`

const clientOf = (brokers: readonly string[]): kafkajs.Kafka =>
  new kafkajs.Kafka({ brokers: [...brokers], clientId: 'tidemark-bench', logLevel: kafkajs.logLevel.NOTHING })

async function withAdmin<T>(brokers: readonly string[], use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = clientOf(brokers).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Makes the topics that aren't there. */
export async function createTargets(brokers: readonly string[], topics: readonly string[]): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const there = await admin.listTopics()
    const missing = topics.filter((topic) => !there.includes(topic))
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({ topic, numPartitions: 1, replicationFactor: 1 })),
    })
  })
}

/** Where committed records of the topic's only partition end. */
export async function endOf(brokers: readonly string[], topic: string): Promise<string> {
  const [offsets] = await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic))
  if (offsets === undefined) throw new Error(`topic ${topic} has no partition`)
  return offsets.high
}

/** Requires that exactly the copies of `records` records are committed in the topic from `from` on, in their order. */
export async function requireCopy(
  brokers: readonly string[],
  topic: string,
  from: string,
  records: number,
): Promise<void> {
  const groupId = `tidemark-bench-${randomUUID()}`
  const consumer = clientOf(brokers).consumer({
    groupId,
    readUncommitted: false,
    maxBytesPerPartition: FETCH_BYTES,
    maxBytes: FETCH_BYTES,
    maxWaitTimeInMs: 100,
  })
  await withAdmin(brokers, (admin) =>
    admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: from }] }),
  )
  try {
    await consumer.connect()
    await consumer.subscribe({ topic })
    await new Promise<void>((resolve, reject) => {
      let read = 0
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      const run = consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const { value, offset } of batch.messages) {
            if (read >= records) reject(new Error(`topic ${topic} holds one too many at offset ${offset}`))
            else if (!isRecord(value, read))
              reject(new Error(`topic ${topic} holds another record than ${read} at offset ${offset}`))
            read++
          }
          if (read === records) setTimeout(resolve, QUIET_MS)
        },
      })
      run.catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  await withAdmin(brokers, (admin) => admin.deleteGroups([groupId]))
}

function isRecord(value: Buffer | null, index: number): boolean {
  return value?.length === RECORD_BYTES && value.equals(Buffer.from(recordOf(index)))
}
