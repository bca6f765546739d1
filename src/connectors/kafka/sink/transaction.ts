import {
  addOffsetsRequest,
  addPartitionsRequest,
  endTxnRequest,
  type OffsetAt,
  type ProducerId,
  txnOffsetCommitRequest,
} from '../protocol/transactions.js'
import type { Coordinator } from './coordinator.js'
import type { LedgerNames } from './ledger-names.js'
import { passesUndone } from './retry.js'

/** The two brokers that take part in every transaction beside those that are written to. */
export interface Coordinators {
  readonly transactions: Coordinator
  readonly offsets: Coordinator
}

/** A producer's transactions, one after the other. After an error the producer is good for `abort` only. */
export class Transaction {
  readonly producer: ProducerId
  readonly #names: LedgerNames
  readonly #coordinators: Coordinators
  readonly #included = new Set<string>()
  #offsets: Promise<unknown> | null = null
  #isOpen = false

  constructor(producer: ProducerId, names: LedgerNames, coordinators: Coordinators) {
    this.producer = producer
    this.#names = names
    this.#coordinators = coordinators
  }

  /** True while there is something that `abort` would take back. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Partitions that are about to be written to. The first ones begin a transaction. */
  async include(partitions: Iterable<readonly [topic: string, partition: number]>): Promise<void> {
    const added = new Map<string, number[]>()
    const names: string[] = []
    for (const [topic, partition] of partitions) {
      const name = `${topic}/${partition}`
      if (this.#included.has(name)) continue
      names.push(name)
      const others = added.get(topic)
      if (others === undefined) added.set(topic, [partition])
      else others.push(partition)
    }
    if (names.length === 0) return
    this.#isOpen = true
    const { transactionalId } = this.#names
    // Refused with CONCURRENT_TRANSACTIONS while the one before is still being ended: that takes some ms.
    const request = addPartitionsRequest(transactionalId, this.producer, added)
    await this.#coordinators.transactions.ask(request, `write to ${[...added.keys()].join(', ')}`)
    for (const name of names) this.#included.add(name)
  }

  /** The group's offsets belong to this transaction; may be called while records are on their way. */
  includeOffsets(): Promise<unknown> {
    if (this.#offsets !== null) return this.#offsets
    this.#isOpen = true
    const { transactionalId, group } = this.#names
    const request = addOffsetsRequest(transactionalId, this.producer, group)
    this.#offsets = this.#coordinators.transactions.ask(request, `commit offsets of group ${group}`)
    // Awaited by the commit.
    this.#offsets.catch(() => undefined)
    return this.#offsets
  }

  /** Records, and this offset, become visible together. `uncertain` is called before it may have happened. */
  async commit(offset: number, metadata: string, uncertain: () => void): Promise<void> {
    await this.#storeOffset(offset, metadata)
    uncertain()
    // Not asked again where the answer got lost: the ledger tells what has become of it.
    const end = endTxnRequest(this.#names.transactionalId, this.producer, true)
    await this.#coordinators.transactions.ask(end, 'commit', passesUndone)
    this.#ended()
  }

  /**
   * Returns when the group's coordinator shows all that was committed before. One that has just become it may answer reads
   * before it has loaded everything; a write it answers only when it stands at the log's end, and that write can be read.
   */
  async overtake(): Promise<void> {
    await this.#storeOffset(0, '')
    await this.abort()
  }

  async #storeOffset(offset: number, metadata: string): Promise<void> {
    const { transactionalId, group, topic, partition } = this.#names
    await this.includeOffsets()
    const at: OffsetAt = { topic, partition, offset, metadata }
    const request = txnOffsetCommitRequest(transactionalId, this.producer, group, at)
    // Not asked twice either: nothing numbers it, and a copy that comes late would be the next transaction's offset.
    await this.#coordinators.offsets.ask(request, `commit offsets of group ${group} and topic ${topic}`, passesUndone)
  }

  /** Takes back what was sent. */
  async abort(): Promise<void> {
    if (!this.#isOpen) return
    await this.#offsets?.catch(() => undefined)
    const request = endTxnRequest(this.#names.transactionalId, this.producer, false)
    await this.#coordinators.transactions.ask(request, 'abort', passesUndone)
    this.#ended()
  }

  #ended(): void {
    this.#included.clear()
    this.#offsets = null
    this.#isOpen = false
  }
}
