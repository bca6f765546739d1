import type { Item, SinkContext } from '../../../definition/sink.js'
import { reasonOf } from '../../../errors/base.js'
import { meaningOf } from '../protocol/error-codes.js'
import { produceRequest, type ProduceResult } from '../protocol/produce.js'
import { roomFor, writeBatch } from './batch-writer.js'
import { topicIn } from '../channel/channel-topic.js'
import type { Links } from './links.js'
import { KEYLESS, type Outgoing } from './outgoing.js'
import { Refusal } from './refusal.js'
import { type Limits, passes, retried } from './retry.js'
import type { Topics } from './topics.js'
import type { Transaction } from './transaction.js'

/** Bytes of a batch before compression: brokers and topics take a little more than 1,000,000 by default. */
const BATCH_BYTES = 900_000

/** What waits for one partition, in order. */
interface Queue {
  readonly topic: string
  readonly partition: number
  readonly items: Item<Outgoing>[]
  /** How many of them the broker has. */
  sent: number
  /** At most so many in one batch: fewer after one was refused. */
  most: number
  /** What is on its way and must stay as it is: the broker may have it already. */
  sending: { readonly batch: Buffer; readonly count: number } | null
}

export interface Delivering {
  readonly links: Links
  readonly topics: Topics
  readonly limits: Limits
  readonly transactionalId: string
  readonly namespace: string
  /** The task's partition is that of records without a key. */
  readonly ctx: Pick<SinkContext, 'partition' | 'reject' | 'channel'>
}

/** Sends records to their partitions within a transaction, one batch per partition at a time, numbered without gaps. */
export class Delivery {
  readonly #by: Delivering
  /** By topic and partition: the number of the next record. */
  readonly #sequences = new Map<string, number>()

  #queues: readonly Queue[] = []

  constructor(by: Delivering) {
    this.#by = by
  }

  /**
   * True after an error that left open whether brokers have some batch: its numbers must not be given to other records,
   * which would be taken for the same.
   */
  get isUncertain(): boolean {
    return this.#queues.some(({ sending }) => sending !== null)
  }

  /** Resolves when all replicas in sync have all of them. */
  async deliver(items: readonly Item<Outgoing>[], transaction: Transaction): Promise<void> {
    if (items.length === 0) return
    let left: readonly Queue[] = await this.#sort(items)
    this.#queues = left
    await transaction.include(left.map(({ topic, partition }) => [topic, partition] as const))
    void transaction.includeOffsets()
    while (left.length > 0) {
      await retried(this.#by.limits, () => this.#round(left.filter(isUnsent), transaction))
      left = left.filter(isUnsent)
    }
    this.#queues = []
  }

  async #sort(items: readonly Item<Outgoing>[]): Promise<Queue[]> {
    const byTopic = new Map<string, (Queue | undefined)[]>()
    const queues: Queue[] = []
    let last = ''
    let queuesOf: (Queue | undefined)[] = []
    let partitions = 0
    let topic = ''
    for (const item of items) {
      if (item.data.topic !== last) {
        last = item.data.topic
        topic = topicIn(this.#by.namespace, last, this.#by.ctx.channel)
        partitions = this.#by.topics.partitionsOf(topic) ?? (await this.#by.topics.learn(topic)).partitions.size
        queuesOf = byTopic.get(topic) ?? []
        byTopic.set(topic, queuesOf)
      }
      const partition = this.#partitionFor(item, partitions)
      let queue = queuesOf[partition]
      if (queue === undefined) {
        queue = { topic, partition, items: [], sent: 0, most: Infinity, sending: null }
        queuesOf[partition] = queue
        queues.push(queue)
      }
      queue.items.push(item)
    }
    return queues
  }

  #partitionFor(item: Item<Outgoing>, partitions: number): number {
    const { settings, hash, value } = item.data
    if (settings.partition === undefined) return (hash === KEYLESS ? this.#by.ctx.partition : hash) % partitions
    let chosen: unknown
    try {
      chosen = settings.partition(value as never, partitions)
    } catch (error) {
      return this.#by.ctx.reject(item.id, `partition threw: ${reasonOf(error)}`, item.sink)
    }
    if (Number.isInteger(chosen) && (chosen as number) >= 0 && (chosen as number) < partitions) return chosen as number
    return this.#by.ctx.reject(item.id, `partition returned ${String(chosen)} of ${partitions} partitions`, item.sink)
  }

  /** One batch of each queue, to the brokers that lead them. Throws the failure that can't pass, else one that may. */
  async #round(queues: readonly Queue[], transaction: Transaction): Promise<void> {
    const byLeader = new Map<string, Queue[]>()
    for (const queue of queues) {
      const leader = this.#by.topics.leaderOf(queue.topic, queue.partition) ?? (await this.#leader(queue))
      const others = byLeader.get(leader)
      if (others === undefined) byLeader.set(leader, [queue])
      else others.push(queue)
    }
    const sent = [...byLeader].map(([leader, some]) => this.#send(leader, some, transaction))
    const failures = (await Promise.allSettled(sent)).flatMap((end) =>
      end.status === 'rejected' ? [end.reason as unknown] : [],
    )
    if (failures.length > 0) throw worst(failures)
  }

  async #leader({ topic, partition }: Queue): Promise<string> {
    const metadata = await this.#by.topics.look(topic)
    const leader = metadata.brokers.get(metadata.partitions.get(partition)?.leader ?? -1)
    if (leader === undefined) throw new Refusal(LEADER_NOT_AVAILABLE, `write to partition ${partition} of ${topic}`)
    return leader
  }

  async #send(leader: string, queues: readonly Queue[], transaction: Transaction): Promise<void> {
    const { links, topics, transactionalId } = this.#by
    const batches = queues.map((queue) => {
      queue.sending ??= this.#cut(queue, transaction)
      return { topic: queue.topic, partition: queue.partition, batch: queue.sending.batch }
    })
    const failures: unknown[] = []
    try {
      const { results } = await links.send(leader, produceRequest(transactionalId, batches))
      for (const result of results) {
        const queue = queues.find((one) => one.topic === result.topic && one.partition === result.partition)
        const failure = queue === undefined ? null : this.#settle(queue, result)
        if (failure !== null) failures.push(failure)
      }
    } catch (error) {
      failures.push(error)
    }
    if (failures.length === 0) return
    // Led by others by now, maybe.
    for (const { topic } of queues) topics.forget(topic)
    throw worst(failures)
  }

  #cut({ topic, partition, items, sent, most }: Queue, { producer }: Transaction): NonNullable<Queue['sending']> {
    const records: Outgoing[] = []
    let bytes = 0
    for (let i = sent; i < items.length && records.length < most; i++) {
      const { data } = items[i]!
      bytes += roomFor(data)
      if (bytes > BATCH_BYTES && records.length > 0) break
      records.push(data)
    }
    const sequence = this.#sequences.get(`${topic}/${partition}`) ?? 0
    return { batch: writeBatch(records, producer, sequence), count: records.length }
  }

  /** What the broker's answer means for what was sent to that partition: null, or a failure. */
  #settle(queue: Queue, { errorCode, message, rejected }: ProduceResult): unknown {
    const { topic, partition, sending } = queue
    if (sending === null) return null
    const { means, name } = meaningOf(errorCode)
    if (errorCode === 0 || means === 'done') {
      const key = `${topic}/${partition}`
      // Sequence numbers are 31 bits, and go round.
      this.#sequences.set(key, ((this.#sequences.get(key) ?? 0) + sending.count) & 0x7fffffff)
      queue.sent += sending.count
      queue.sending = null
      return null
    }
    if (means !== 'too large' && means !== 'refused')
      return new Refusal(errorCode, `write to partition ${partition} of ${topic}`)
    // None of the batch was taken. Which record is to blame is told, or found by halves.
    queue.sending = null
    const [culprit] = sending.count === 1 ? [0] : rejected
    if (culprit !== undefined) {
      return this.#rejection(queue, culprit, `${name} from topic ${topic}${message === '' ? '' : `: ${message}`}`)
    }
    queue.most = Math.ceil(sending.count / 2)
    return null
  }

  /** Returned, not thrown: what the broker says of the other partitions is to be heard too. */
  #rejection(queue: Queue, index: number, reason: string): unknown {
    const { id, sink } = queue.items[queue.sent + index]!
    try {
      return this.#by.ctx.reject(id, reason, sink)
    } catch (error) {
      return error
    }
  }
}

/** What can't pass goes before what may. */
const worst = (failures: readonly unknown[]): unknown => failures.find((failure) => !passes(failure)) ?? failures[0]

const isUnsent = ({ sent, items }: Queue): boolean => sent < items.length

const LEADER_NOT_AVAILABLE = 5
