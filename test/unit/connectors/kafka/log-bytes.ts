import type { KafkaConnection } from '../../../../src/connectors/kafka/kafka-connection.js'
import { fetchRequest } from '../../../../src/connectors/kafka/protocol/fetch.js'
import { openLeader } from '../../../../src/connectors/kafka/topic-leader.js'
import { type PlainBatch, plainBatches } from '../../../fuzz/plain-batches.js'

/** The batches of partition 0 as the broker holds them, all of them. */
export async function logOf(brokers: readonly string[], topic: string): Promise<PlainBatch[]> {
  const connection: KafkaConnection = { brokers }
  const stop = new AbortController()
  const place = { pipeline: 'none', source: 'none', topic, partition: 0 }
  const { link, topicId, epoch } = await openLeader(connection, place, stop.signal)
  try {
    const batches: PlainBatch[] = []
    for (let [offset, end] = [0, 1]; offset < end;) {
      const question = { topicId, partition: 0, leaderEpoch: epoch, offset, committed: false, maxWaitMs: 100 }
      const answer = await link.send(fetchRequest({ ...question, maxBytes: 2 ** 23 }), 100)
      const found = plainBatches(answer.records).filter(({ lastOffset }) => lastOffset >= offset)
      const last = found.at(-1)
      if (last === undefined) throw new Error(`topic ${topic} has nothing at offset ${offset}`)
      batches.push(...found)
      offset = Number(last.lastOffset) + 1
      end = answer.highWatermark
    }
    return batches
  } finally {
    link.destroy()
  }
}
