import kafkajs, { type Admin } from 'kafkajs'

import { waitUntil } from './wait-until.js'

/** Creates a topic and returns its name. `config` are topic settings such as `cleanup.policy`. */
export async function createTopic(
  brokers: readonly string[],
  name: string,
  partitions: number,
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'test-setup',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = client.admin()
  await admin.connect()
  try {
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }))
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1, configEntries }],
    })
    await serves(admin, name, partitions)
  } finally {
    await admin.disconnect()
  }
  return name
}

/**
 * Waits until every partition has its leader. kafkajs's own wait gives up where a broker doesn't know the topic yet, and
 * its producers leave out, without a word, what is for a partition that they don't know.
 */
export async function serves(admin: Admin, topic: string, partitions: number): Promise<void> {
  const look = async (): Promise<boolean> => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }))
    const led = topics[0]?.partitions.filter(
      ({ leader, partitionErrorCode }) => leader >= 0 && partitionErrorCode === 0,
    )
    if (led?.length !== partitions) return false
    // A leader by name may not yet lead: it answers for each of its partitions once it does.
    const offsets = await admin.fetchTopicOffsets(topic).catch(() => [])
    return offsets.length === partitions
  }
  await waitUntil(look, { for: `topic ${topic} to have ${partitions} partitions with leaders` })
}
