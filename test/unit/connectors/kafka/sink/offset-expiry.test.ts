import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kafkaSinkDefinition } from '../../../../../src/connectors/kafka/sink/kafka-sink.js'
import { type KafkaServer, startKafka } from '../../../../../src/dev/kafka-server.js'
import { waitUntil } from '../../../../setup/wait-until.js'
import { hold, inspect, type Owned } from './owning.js'
import { wiring } from './places.js'

let directory: string
let kafka: KafkaServer

/** A broker that forgets the offsets of groups without members after a minute, the least it can be told. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-offset-expiry-'))
  const brokerConfig = { 'offsets.retention.minutes': '1', 'offsets.retention.check.interval.ms': '1000' }
  kafka = await startKafka({ dataDirectory: directory, brokerConfig })
})

afterAll(async () => {
  await kafka?.stop()
  await rm(directory, { recursive: true, force: true })
})

test(
  'the receipt of a writer that is idle outlives the time after which brokers forget offsets',
  { timeout: 400_000 },
  async () => {
    const placeOf = (pipeline: string, refreshMs: number): Owned => ({
      sink: kafkaSinkDefinition<unknown>({ topic: 'out' }, wiring({ refreshMs })),
      context: {
        pipeline,
        stage: 'main',
        partition: 0,
        ledgerKey: `tests/${pipeline}/main/0/k`,
        connection: () => ({ brokers: kafka.brokers }),
      },
    })
    const [kept, left] = [placeOf('kept', 15_000), placeOf('left', 3_600_000)]
    const keeper = await hold(kept)
    const leaver = await hold(left)
    try {
      expect(await inspect(left)).toEqual(leaver.fence)
      const forgotten = async (): Promise<boolean> => (await inspect(left)) === null
      await waitUntil(forgotten, { for: 'the broker to forget', timeoutMs: 180_000, every: 1_000 })
      expect(await inspect(kept)).toEqual(keeper.fence)
      // It is still the one to commit.
      const receipt = await keeper.commit()
      expect(await inspect(kept)).toEqual(receipt)
    } finally {
      await keeper.writer.close()
      await leaver.writer.close()
    }
  },
)
