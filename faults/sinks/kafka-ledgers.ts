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
  private readonly admin: kafkajs.Admin
  private readonly looking: Promise<void>
  private stopped = false

  constructor(brokers: readonly string[], pipeline: string) {
    this.group = `tidemark.default.${pipeline}.main`
    this.admin = new kafkajs.Kafka({
      brokers: [...brokers],
      clientId: 'ledgers',
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 0 },
    }).admin()
    this.looking = this.watch()
    this.looking.catch(() => undefined)
  }

  /** Looks a last time. Rejects where that fails. */
  async finish(): Promise<void> {
    this.close()
    await this.looking
    await this.admin.connect()
    try {
      await this.look()
    } finally {
      await this.admin.disconnect()
    }
  }

  close(): void {
    this.stopped = true
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      // The broker may be away, the group not there yet.
      await this.admin
        .connect()
        .then(() => this.look())
        .catch(() => this.admin.disconnect().catch(() => undefined))
      await sleep(LOOK_MS)
    }
    await this.admin.disconnect().catch(() => undefined)
  }

  private async look(): Promise<void> {
    const found = await this.admin.fetchOffsets({ groupId: this.group, topics: [TOPIC] })
    for (const { partition, offset, metadata } of found.flatMap(({ partitions }) => partitions)) {
      if (Number(offset) < 0) continue
      const sighting = sightingIn(partition, (metadata ?? '').replace(/^tidemark\/1 \S+ /, ''))
      if (sighting.seq !== Number(offset))
        this.log.note(`partition ${partition}: receipt ${sighting.seq} beside offset ${offset}`)
      this.log.take(sighting)
    }
  }
}
