import type { Message } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RescaledOptions } from '../fixtures/rescaled-pipeline.js'
import { BEGIN, readings, take } from './golden-readings.js'
import type { Topics } from './topics.js'

const PAUSE_MS = 50
const EACH = 2
const HOUR_MS = 3_600_000
const LATE = 30
const IN_TIME = { late: false, keys: 12 }

type Read = RescaledOptions['topics']

/**
 * Readings of two topics that keep coming until they are told to end, so that no fault ever comes too late. All are in time, where
 * they come from and so in all partitions that they come to; but for the last, which are an hour before all others.
 */
export class RescaleFeed {
  readonly topics: Read
  /** How many there are, in both topics. */
  records = 0
  private readonly to: Topics
  private readonly partitions: readonly ReturnType<typeof sourcesOf>[]
  private readonly stopped = new AbortController()
  private feeding: Promise<void> = Promise.resolve()

  constructor(to: Topics, topics: Read, partitions: number) {
    this.to = to
    this.topics = topics
    this.partitions = Array.from({ length: partitions }, (_, partition) => sourcesOf(partition))
  }

  begin(): void {
    const feed = async (): Promise<void> => {
      while (!this.stopped.signal.aborted) {
        await this.send(EACH)
        await sleep(PAUSE_MS)
      }
    }
    this.feeding = feed()
    this.feeding.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.stopped.abort()
    await this.feeding
  }

  /** So many more for each partition of each topic. */
  async send(count: number): Promise<void> {
    await this.produce((from) => take(count, from))
  }

  /** Some more, some of them too late; then, for every key, so far ahead that all that came before is over. */
  async end(): Promise<void> {
    await this.produce((from, partition) => {
      const last = take(LATE, from).flatMap((message, n) => [message, late(message, n)])
      const keys = [...new Set(take(300, readings(partition, 1, IN_TIME)).map(({ key }) => String(key)))]
      // Twice each: how far time has come is told by the records that come after. And again, for a stage behind.
      const ends = [1, 1, 2, 2].flatMap((hours) => keys.map((key) => ending(partition, key, BEGIN + hours * HOUR_MS)))
      return [...last, ...ends]
    })
  }

  private async produce(some: (from: ReturnType<typeof readings>, partition: number) => Message[]): Promise<void> {
    for (const topic of ['readings', 'others'] as const) {
      const messages = this.partitions.flatMap((sources, partition) => some(sources[topic], partition))
      await this.to.produce({ topic: this.topics[topic], messages })
      this.records += messages.length
    }
  }
}

const sourcesOf = (partition: number) => ({
  readings: readings(partition, 1, IN_TIME),
  others: readings(partition, 101, IN_TIME),
})

const late = (message: Message, n: number): Message => ({
  ...message,
  value: JSON.stringify({ id: `late-${n}`, at: BEGIN - HOUR_MS + n * 7_000, amount: n }),
})

const ending = (partition: number, key: string, at: number): Message => ({
  partition,
  key,
  timestamp: String(at),
  value: JSON.stringify({ id: 'end', at, amount: 1 }),
})
