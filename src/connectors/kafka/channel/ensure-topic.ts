import {
  PartitionCountMismatch,
  SourceUnauthorized,
  type SourcePlace,
  SourceUnavailable,
} from '../../../errors/source.js'
import { openBrokerLink } from '../broker-link.js'
import { failureOf, PassingFailure } from '../failure.js'
import type { KafkaConnection } from '../kafka-connection.js'
import { createTopicRequest } from '../protocol/create-topics.js'
import { Links } from '../sink/links.js'
import { Refusal, requireDone } from '../sink/refusal.js'
import { PATIENCE_MS, retried } from '../sink/retry.js'
import { Topics } from '../sink/topics.js'

/** How long records are kept is the cluster's business, but nothing may be compacted away. */
const SETTINGS = { 'cleanup.policy': 'delete' }

/** Makes a topic of so many partitions if it isn't there. Throws `PartitionCountMismatch` for one with another number. */
export async function ensureTopic(
  connection: KafkaConnection,
  place: SourcePlace & { readonly topic: string },
  partitions: number,
  signal: AbortSignal,
): Promise<void> {
  const links = new Links(connection, openBrokerLink)
  const limits = { signal, patienceMs: PATIENCE_MS }
  const { topic } = place
  try {
    const found = await retried(limits, async () => {
      const known = await new Topics(links, limits).look(topic).catch((error: unknown) => {
        if (error instanceof Refusal && error.means === 'missing') return null
        throw error
      })
      if (known !== null) return known.partitions.size
      const { errorCode } = await links.ask(createTopicRequest(topic, partitions, SETTINGS))
      requireDone(errorCode, `create topic ${topic} with ${partitions} partitions`)
      // Others may have made it; and brokers learn of it one after the other.
      throw new Refusal(UNKNOWN_TOPIC, `describe topic ${topic}`)
    })
    if (found !== partitions) throw new PartitionCountMismatch({ ...place, needed: partitions, found })
  } catch (error) {
    signal.throwIfAborted()
    throw failed(error, place)
  } finally {
    links.destroy()
  }
}

function failed(error: unknown, place: SourcePlace): unknown {
  if (error instanceof Refusal) {
    if (error.means === 'forbidden') return new SourceUnauthorized({ ...place, operation: error.operation }, error)
    return new SourceUnavailable(place, error)
  }
  const failure = failureOf(error, place)
  return failure instanceof PassingFailure ? new SourceUnavailable(place, failure) : failure
}

const UNKNOWN_TOPIC = 3
