import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { LedgerLog, sightingIn } from './ledger-log.js'

const LOOK_MS = 500
/** Of every pipeline in the namespace `default`. */
const TOPIC = 'tidemark.default.ledgers'

/** A pipeline's ledgers in Kafka: offsets that its group has committed, whose metadata are the receipts. */
export class KafkaLedgers {
  readonly log = new LedgerLog()
  private readonly group: string
  private readonly brokers: readonly string[]
  private readonly looking: Promise<void>
  private looks = 0
  private stopped = false

  constructor(brokers: readonly string[], pipeline: string) {
    this.group = `tidemark.default.${pipeline}.main`
    this.brokers = brokers
    this.looking = this.watch()
    this.looking.catch(() => undefined)
  }

  /** Looks a last time. Rejects where that fails. */
  async finish(): Promise<void> {
    this.close()
    await this.looking
    await this.connected((admin) => this.look(admin))
    if (this.looks === 0) this.log.note('nobody had a look at the ledgers while they were written')
  }

  close(): void {
    this.stopped = true
  }

  private async watch(): Promise<void> {
    const lookOn = async (admin: kafkajs.Admin): Promise<void> => {
      while (!this.stopped) {
        await this.look(admin)
        this.looks++
        await sleep(LOOK_MS)
      }
    }
    while (!this.stopped) {
      // The broker may be away, the group not there yet.
      await this.connected(lookOn).catch(() => sleep(LOOK_MS))
    }
  }

  /** With a connection of its own: one that was lost doesn't come back. */
  private async connected(act: (admin: kafkajs.Admin) => Promise<void>): Promise<void> {
    // The first try of a new connection knows no broker yet.
    const options = { brokers: [...this.brokers], clientId: 'ledgers', retry: { retries: 2, initialRetryTime: 50 } }
    const admin = new kafkajs.Kafka({ ...options, logLevel: kafkajs.logLevel.NOTHING }).admin()
    try {
      await admin.connect()
      await act(admin)
    } finally {
      await admin.disconnect()
    }
  }

  private async look(admin: kafkajs.Admin): Promise<void> {
    const found = await admin.fetchOffsets({ groupId: this.group, topics: [TOPIC] })
    for (const { partition, offset, metadata } of found.flatMap(({ partitions }) => partitions)) {
      if (Number(offset) < 0) continue
      const sighting = sightingIn(partition, (metadata ?? '').replace(/^tidemark\/1 \S+ /, ''))
      if (sighting.seq !== Number(offset))
        this.log.note(`partition ${partition}: receipt ${sighting.seq} beside offset ${offset}`)
      this.log.take(sighting)
    }
  }
}
