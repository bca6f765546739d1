import { metadataRequest, type TopicMetadata } from '../protocol/metadata.js'
import type { Links } from './links.js'
import { requireDone } from './refusal.js'
import { type Limits, retried } from './retry.js'

/** How long what is known of a topic is taken to be true, in ms: partitions may be added. As the Java client's. */
const FRESH_MS = 300_000

/** What one writer knows of the topics it writes to. */
export class Topics {
  readonly #links: Links
  readonly #limits: Limits
  readonly #known = new Map<string, { readonly metadata: TopicMetadata; readonly at: number }>()

  constructor(links: Links, limits: Limits) {
    this.#links = links
    this.#limits = limits
  }

  /** How many partitions it has; undefined if it isn't known, or not any more. */
  partitionsOf(topic: string): number | undefined {
    const known = this.#known.get(topic)
    return known === undefined || performance.now() - known.at > FRESH_MS ? undefined : known.metadata.partitions.size
  }

  /** Address of the broker that leads a partition, as far as is known. */
  leaderOf(topic: string, partition: number): string | undefined {
    const metadata = this.#known.get(topic)?.metadata
    return metadata?.brokers.get(metadata.partitions.get(partition)?.leader ?? -1)
  }

  /** Led by others, or not there any more: it is looked up again. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  /** Asks once. Throws a `Refusal` for a topic that isn't there or that may not be described. */
  async look(topic: string): Promise<TopicMetadata> {
    const metadata = await this.#links.ask(metadataRequest(topic))
    requireDone(metadata.errorCode, `describe topic ${topic}`)
    this.#known.set(topic, { metadata, at: performance.now() })
    return metadata
  }

  /** Asks until there is an answer. */
  async learn(topic: string): Promise<TopicMetadata> {
    return await retried(this.#limits, () => this.look(topic))
  }
}
