import { readOutputTopic, withoutChance } from '../../test/oracle/counted.js'
import { CommittedFollower } from '../../test/oracle/follow-committed.js'
import { createTopic } from '../../test/setup/topics.js'
import type { Servers } from '../servers.js'
import { KafkaLedgers } from './kafka-ledgers.js'
import type { Point, SinkUnderTest } from './sink.js'
import { SeenOutputs } from './seen.js'

/** Of a transaction, in their order, and of taking one over: where it is decided is hit more often. */
const REQUESTS = new Map([
  ['InitProducerId', 1],
  ['AddPartitionsToTxn', 1],
  ['Produce', 1],
  ['AddOffsetsToTxn', 1],
  ['TxnOffsetCommit', 2],
  ['EndTxn', 3],
])

/** Topics on the very broker that the records come from. */
export function kafkaSinkUnderTest({ kafka, links }: Servers): SinkUnderTest {
  const points = [...REQUESTS].map(([name, weight]): [string, Point] => [
    `kafka ${name}`,
    { proxy: links.kafka, name, weight, opening: name === 'InitProducerId' },
  ])
  return {
    servers: {},
    links: {},
    points: Object.fromEntries(points),
    async target(pipeline, partitions) {
      const topic = await createTopic(kafka.brokers, `${pipeline}-out`, partitions)
      const ledgers = new KafkaLedgers(kafka.brokers, pipeline)
      return {
        settings: { kind: 'kafka', topic },
        async watch() {
          const seen = new SeenOutputs()
          const follower = await CommittedFollower.start(kafka.brokers, topic, (partition, line) =>
            seen.take(partition, withoutChance(line)),
          )
          return {
            seen: seen.lines,
            finish: () => follower.finish(),
            close() {
              follower.kill()
              ledgers.close()
            },
          }
        },
        read: () => readOutputTopic(kafka.brokers, topic),
        async faults(ends) {
          await ledgers.finish()
          return ledgers.log.faults(ends)
        },
      }
    },
    close: () => Promise.resolve(),
  }
}
