import kafkajs from 'kafkajs'

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
      waitForLeaders: true,
      topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1, configEntries }],
    })
  } finally {
    await admin.disconnect()
  }
  return name
}
