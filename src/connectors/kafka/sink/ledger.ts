import type { Receipt } from '../../../definition/sink.js'
import { ForeignReceipt } from '../../../errors/sink.js'
import { createPartitionsRequest, createTopicRequest } from '../protocol/create-topics.js'
import { offsetFetchRequest } from '../protocol/offset-fetch.js'
import { initProducerIdRequest } from '../protocol/transactions.js'
import { Coordinator } from './coordinator.js'
import type { Target } from './failure.js'
import type { LedgerNames } from './ledger-names.js'
import type { Links } from './links.js'
import { parseReceipt } from './receipt-text.js'
import { Refusal, requireDone } from './refusal.js'
import { type Limits, passes, retried } from './retry.js'
import type { Topics } from './topics.js'
import { type Coordinators, Transaction } from './transaction.js'

/** How long an ended transaction may take to show, in ms. */
const LOOK_MS = 500
/** So few at first: they cost, and most pipelines have no more. */
const FIRST_PARTITIONS = 8

/** One ledger in Kafka: receipts as metadata of the offsets that a group without members has committed (PROTOCOL §5). */
export class Ledger {
  readonly names: LedgerNames
  readonly coordinators: Coordinators
  readonly #links: Links
  readonly #topics: Topics
  readonly #limits: Limits
  readonly target: Target

  constructor(names: LedgerNames, links: Links, topics: Topics, limits: Limits, target: Target) {
    this.names = names
    this.#links = links
    this.#topics = topics
    this.#limits = limits
    this.target = target
    this.coordinators = {
      transactions: new Coordinator(links, 'transaction', names.transactionalId, limits),
      offsets: new Coordinator(links, 'group', names.group, limits),
    }
  }

  /** Sees to it that the ledger's topic has its partition; the cluster's id. */
  async prepare(): Promise<string> {
    const { topic, partition } = this.names
    return await retried(this.#limits, async () => {
      const found = await this.#topics.look(topic).catch((error: unknown) => {
        if (error instanceof Refusal && error.means === 'missing') return null
        throw error
      })
      if (found !== null && found.partitions.size > partition) return found.clusterId
      const count = Math.max(FIRST_PARTITIONS, partition + 1, 2 * (found?.partitions.size ?? 0))
      const request = found === null ? createTopicRequest(topic, count) : createPartitionsRequest(topic, count)
      const controller = found?.controller
      const made = controller === undefined ? this.#links.ask(request) : this.#links.send(controller, request)
      requireDone((await made).errorCode, `create topic ${topic} with ${count} partitions`)
      // Others may have made it, with fewer; and brokers learn of it one after the other.
      throw new Refusal(UNKNOWN_TOPIC, `describe topic ${topic}`)
    })
  }

  /**
   * The newest receipt, null if there is none. `stable`: waits for a transaction that is being ended. Throws
   * `ForeignReceipt` where something else lies there.
   */
  async read(stable: boolean, limits: Limits = this.#limits): Promise<Receipt | null> {
    const { group, topic, partition, mark } = this.names
    const request = offsetFetchRequest(group, topic, partition, stable)
    const asked = `read offsets of group ${group} and topic ${topic}`
    const { offset, metadata } = await this.coordinators.offsets.ask(request, asked, passes, limits)
    if (offset < 0) return null
    const found = parseReceipt(metadata, mark, offset)
    if (typeof found !== 'string') return found
    const { at, target } = this.target
    throw new ForeignReceipt({ ...at, target: `group ${group} of ${target}`, found })
  }

  /**
   * What to go by before fencing: the newest receipt, unless a transaction that nobody ends hides it. A busy broker shows
   * what a successor has committed some ms late, and a stale claim that doesn't see it costs that successor its producer.
   */
  async look(): Promise<Receipt | null> {
    try {
      return await this.read(true, { ...this.#limits, patienceMs: LOOK_MS })
    } catch (error) {
      if (!passes(error)) throw error
      return await this.read(false)
    }
  }

  /** Ends every older producer of this ledger, and what it has left open. */
  async fence(timeoutMs: number): Promise<Transaction> {
    const { transactionalId } = this.names
    const request = initProducerIdRequest(transactionalId, timeoutMs)
    const { producer } = await this.coordinators.transactions.ask(request, `use transactional id ${transactionalId}`)
    return new Transaction(producer, this.names, this.coordinators)
  }
}

const UNKNOWN_TOPIC = 3
