import { setTimeout as sleep } from 'node:timers/promises'

import kafkajs from 'kafkajs'

export interface FeedOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly partitions: number
  readonly perSecond: number
}

const TICK_MS = 20
const LAST_ONES = 1_000

/**
 * Writes numbered records to all partitions in turn, evenly, until it is told to end. Outages of the broker are sat out: a
 * batch of unknown outcome is sent again, so that a number may be in the topic twice, at two offsets.
 */
export class Feed {
  /** Numbers that are certainly in the topic. */
  sent = 0
  /** By partition: the offset behind the last acknowledged record. */
  readonly ends: number[]
  readonly done: Promise<void>
  private readonly options: FeedOptions
  private readonly kafka: kafkajs.Kafka
  private producer: kafkajs.Producer
  private limit = Infinity
  private stopped = false

  constructor(options: FeedOptions) {
    this.options = options
    this.ends = Array.from({ length: options.partitions }, () => 0)
    this.kafka = new kafkajs.Kafka({
      brokers: [...options.brokers],
      clientId: 'test-feed',
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 0 },
    })
    this.producer = this.newProducer()
    this.done = this.run()
    // Observed by whoever awaits it; until then a rejection must not end the process.
    this.done.catch(() => undefined)
  }

  get finished(): boolean {
    return this.sent >= this.limit
  }

  /** Writes a last thousand. Resolves when they are in the topic. */
  async end(): Promise<void> {
    this.limit = this.sent + LAST_ONES
    await this.done
  }

  /** Writes no more. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.done
  }

  private newProducer(): kafkajs.Producer {
    return this.kafka.producer({
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
      allowAutoTopicCreation: false,
    })
  }

  private async run(): Promise<void> {
    const { perSecond } = this.options
    const began = performance.now()
    await this.reconnect()
    // After an outage the feed goes on at its pace instead of making up for it.
    let due = 0
    for (let at = began; !this.finished && !this.stopped;) {
      await sleep(TICK_MS)
      const now = performance.now()
      due += (Math.min(now - at, 100) / 1_000) * perSecond
      at = now
      const size = Math.min(Math.floor(due), this.limit - this.sent)
      if (size === 0) continue
      due -= size
      await this.send(size)
    }
    await this.producer.disconnect().catch(() => undefined)
  }

  private async send(size: number): Promise<void> {
    const { topic, partitions } = this.options
    const messages = Array.from({ length: size }, (_, i) => {
      const n = this.sent + i + 1
      return { partition: n % partitions, key: `key-${n % 17}`, value: JSON.stringify({ n }) }
    })
    const counts = this.ends.map((_, partition) => messages.filter((one) => one.partition === partition).length)
    while (!this.stopped) {
      try {
        for (const { partition, baseOffset } of await this.producer.send({ topic, messages })) {
          this.ends[partition] = Number(baseOffset) + (counts[partition] ?? 0)
        }
        this.sent += size
        return
      } catch {
        await sleep(100)
        await this.reconnect()
      }
    }
  }

  private async reconnect(): Promise<void> {
    while (!this.stopped) {
      await this.producer.disconnect().catch(() => undefined)
      this.producer = this.newProducer()
      try {
        await this.producer.connect()
        return
      } catch {
        await sleep(100)
      }
    }
  }
}
