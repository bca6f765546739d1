/** Topics of one test file and what is put into them, through kafkajs: no code of the pipeline's own Kafka client. */
import kafkajs, { type Admin, type Kafka, type Producer, type ProducerRecord } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import { brokers } from '../setup/shared-servers.js'
import { createTopic, serves } from '../setup/topics.js'
import { waitUntil } from '../setup/wait-until.js'

export type Value = string | Buffer | null

export class Topics {
  readonly kafka: Kafka
  private readonly servers: readonly string[]
  private readonly made = new Set<string>()
  /** One per topic: kafkajs's fail for all their topics when one is gone, and don't look for new partitions. */
  private readonly producerOf = new Map<string, Promise<Producer>>()
  private readonly flows: Flow[] = []
  private readonly producers: Producer[] = []

  /** `servers`: default, the brokers of the test run. */
  constructor(servers: readonly string[] = brokers()) {
    this.servers = servers
    this.kafka = new kafkajs.Kafka({ brokers: [...servers], clientId: 'test', logLevel: kafkajs.logLevel.NOTHING })
  }

  async make(name: string, partitions: number, config: Readonly<Record<string, string>> = {}): Promise<string> {
    this.made.add(name)
    return await createTopic(this.servers, name, partitions, config)
  }

  async send(topic: string, partition: number, values: readonly Value[]): Promise<void> {
    await this.produce({ topic, messages: values.map((value) => ({ partition, value })) })
  }

  async produce(records: ProducerRecord): Promise<void> {
    const { topic, messages } = records
    const producer = this.producerOf.get(topic) ?? this.connected()
    this.producerOf.set(topic, producer)
    const partitions = new Set(messages.map(({ partition }) => partition))
    const sent = await (await producer).send(records)
    // Messages for partitions that it doesn't know yet are left out by kafkajs, without a word.
    if (!partitions.has(undefined) && sent.length !== partitions.size)
      throw new Error(`only ${sent.length} of ${partitions.size} partitions of ${topic} were written to`)
  }

  /** Sends `{"n":0}`, `{"n":1}` … to every partition, a few every 25 ms, until told to stop; tells how many each has then. */
  flow(topic: string, partitions: number, options: { readonly first?: number; readonly perBatch?: number } = {}): Flow {
    const { first = 0, perBatch = 20 } = options
    let sent = first
    const stop = new AbortController()
    const run = async (): Promise<number> => {
      while (!stop.signal.aborted) {
        const values = numbers(perBatch, sent)
        for (let partition = 0; partition < partitions; partition++) await this.send(topic, partition, values)
        sent += perBatch
        await sleep(25)
      }
      return sent
    }
    const ended = run()
    ended.catch(() => undefined)
    const flow: Flow = {
      get sent() {
        return sent
      },
      stop() {
        stop.abort()
        return ended
      },
    }
    this.flows.push(flow)
    return flow
  }

  /** A producer for transactions. */
  async transactional(transactionalId: string): Promise<Producer> {
    const createPartitioner = kafkajs.Partitioners.DefaultPartitioner
    const producer = this.kafka.producer({
      createPartitioner,
      transactionalId,
      // The default, a minute, may be over before a busy machine comes to its end.
      transactionTimeout: 300_000,
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    this.producers.push(producer)
    return producer
  }

  /** With a client of its own: kafkajs's forget topics of each other's when they are used at the same time. */
  async administrate<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  async grow(topic: string, count: number): Promise<void> {
    await this.administrate(async (admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] })
      await serves(admin, topic, count)
    })
    await this.forget(topic)
  }

  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }
    await this.administrate((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }))
  }

  async delete(topic: string): Promise<void> {
    await this.administrate((admin) => admin.deleteTopics({ topics: [topic] }))
    this.made.delete(topic)
    await this.forget(topic)
  }

  /** Deletes what lies between the stages of a pipeline. */
  async deleteChannels(pipeline: string): Promise<void> {
    await this.administrate(async (admin) => {
      const topics = (await admin.listTopics()).filter((name) => name.startsWith(`tidemark.default.${pipeline}.`))
      await admin.deleteTopics({ topics }).catch(() => undefined)
    })
  }

  /** Deletes a topic and makes another of its name, one right after the other. */
  async replace(topic: string, partitions: number): Promise<void> {
    await this.administrate(async (admin) => {
      await admin.deleteTopics({ topics: [topic] })
      const anew = { topic, numPartitions: partitions, replicationFactor: 1 }
      // False: it is there. The controller has the name until it has carried the deletion through.
      await waitUntil(() => admin.createTopics({ waitForLeaders: false, topics: [anew] }), { for: `another ${topic}` })
      await serves(admin, topic, partitions)
    })
    await this.forget(topic)
  }

  /** Ends what still flows, and deletes what was made. */
  async close(): Promise<void> {
    await Promise.allSettled(this.flows.map((flow) => flow.stop()))
    const topics = [...this.made]
    if (topics.length > 0) await this.administrate((admin) => admin.deleteTopics({ topics })).catch(() => undefined)
    for (const producer of [...this.producerOf.values(), ...this.producers]) await (await producer).disconnect()
  }

  private async forget(topic: string): Promise<void> {
    const producer = this.producerOf.get(topic)
    this.producerOf.delete(topic)
    await (await producer)?.disconnect()
  }

  private async connected(): Promise<Producer> {
    const producer = this.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    await producer.connect()
    return producer
  }
}

export interface Flow {
  readonly sent: number
  /** How many records each partition has in the end. */
  stop(): Promise<number>
}

/** `{"n":first}` and so on. */
export function numbers(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => JSON.stringify({ n: first + i }))
}
