/** Topics of one test file and what is put into them, through kafkajs: no code of the pipeline's own Kafka client. */
import kafkajs, { type Admin, type Kafka, type Producer, type ProducerRecord } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import { brokers } from '../setup/shared-servers.js'
import { createTopic } from '../setup/topics.js'

export type Value = string | Buffer | null

export class Topics {
  readonly kafka: Kafka
  private readonly made = new Set<string>()
  private admin: Promise<Admin> | undefined
  private producer: Promise<Producer> | undefined
  private readonly flows: Flow[] = []
  private readonly producers: Producer[] = []

  constructor() {
    this.kafka = new kafkajs.Kafka({ brokers: brokers(), clientId: 'test', logLevel: kafkajs.logLevel.NOTHING })
  }

  async make(name: string, partitions: number, config: Readonly<Record<string, string>> = {}): Promise<string> {
    this.made.add(name)
    return await createTopic(brokers(), name, partitions, config)
  }

  async send(topic: string, partition: number, values: readonly Value[]): Promise<void> {
    await this.produce({ topic, messages: values.map((value) => ({ partition, value })) })
  }

  async produce(records: ProducerRecord): Promise<void> {
    this.producer ??= this.connected()
    await (await this.producer).send(records)
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
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    this.producers.push(producer)
    return producer
  }

  async administrate<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.admin ??= this.connectedAdmin()
    return await work(await this.admin)
  }

  async delete(topic: string): Promise<void> {
    await this.administrate((admin) => admin.deleteTopics({ topics: [topic] }))
    this.made.delete(topic)
  }

  /** Ends what still flows, and deletes what was made. */
  async close(): Promise<void> {
    await Promise.allSettled(this.flows.map((flow) => flow.stop()))
    const topics = [...this.made]
    if (topics.length > 0) await this.administrate((admin) => admin.deleteTopics({ topics })).catch(() => undefined)
    for (const producer of [this.producer, ...this.producers]) await (await producer)?.disconnect()
    await (await this.admin)?.disconnect()
  }

  private async connectedAdmin(): Promise<Admin> {
    const admin = this.kafka.admin()
    await admin.connect()
    return admin
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
