/** The loop as documentation shows it: each batch a transaction of records and offsets. It knows no commit interval. */
import { randomUUID } from 'node:crypto'
import kafkajs, { type Consumer, type EachBatchPayload, type Producer } from 'kafkajs'
import type { Arena, CopyRound, Taken } from '../../contenders/round.js'
import { type Contender, serve, timed } from '../../contenders/serve.js'

/** kafkajs sorts messages into partitions in quadratic time: sent all at once, a batch takes longer. */
const CHUNK = 1_000

class TransactionLoop implements Contender<CopyRound> {
  private readonly arena: Arena
  private readonly client: kafkajs.Kafka
  private readonly producer: Producer

  constructor(arena: Arena) {
    this.arena = arena
    this.client = new kafkajs.Kafka({
      brokers: [...arena.brokers],
      clientId: 'tidemark-bench',
      logLevel: kafkajs.logLevel.NOTHING,
    })
    this.producer = this.client.producer({
      transactionalId: 'tidemark-bench-kafkajs',
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    })
  }

  async connect(): Promise<this> {
    await this.producer.connect()
    return this
  }

  async run({ to }: CopyRound): Promise<Taken> {
    const groupId = `tidemark-bench-${randomUUID()}`
    const consumer = this.client.consumer({ groupId })
    try {
      await consumer.connect()
      await consumer.subscribe({ topic: this.arena.topic, fromBeginning: true })
      return await this.copyAll(consumer, groupId, to)
    } finally {
      await consumer.disconnect()
    }
  }

  async close(): Promise<void> {
    await this.producer.disconnect()
  }

  /** The clock starts when the group has been joined, and stops with the last commit. */
  private async copyAll(consumer: Consumer, groupId: string, to: string): Promise<Taken> {
    return await new Promise<Taken>((resolve, reject) => {
      let copied = 0
      let done = (): void => undefined
      const allCopied = new Promise<void>((settle) => (done = settle))
      consumer.on(consumer.events.GROUP_JOIN, () => void timed(() => allCopied).then(resolve, reject))
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      const run = consumer.run({
        autoCommit: false,
        eachBatch: async (payload) => {
          copied += await this.copyBatch(payload, groupId, to)
          if (copied >= this.arena.records) done()
        },
      })
      run.catch(reject)
    })
  }

  private async copyBatch({ batch }: EachBatchPayload, groupId: string, to: string): Promise<number> {
    const { topic, partition, messages } = batch
    const transaction = await this.producer.transaction()
    try {
      for (let at = 0; at < messages.length; at += CHUNK) {
        await transaction.send({
          topic: to,
          messages: messages.slice(at, at + CHUNK).map(({ key, value, headers = {}, timestamp }) => {
            return { key, value, headers, timestamp, partition }
          }),
        })
      }
      const offset = String(BigInt(batch.lastOffset()) + 1n)
      await transaction.sendOffsets({
        consumerGroupId: groupId,
        topics: [{ topic, partitions: [{ partition, offset }] }],
      })
      await transaction.commit()
    } catch (error) {
      await transaction.abort()
      throw error
    }
    return messages.length
  }
}

await serve<CopyRound>((arena) => new TransactionLoop(arena).connect())
