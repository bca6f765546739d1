import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kafkaSinkDefinition } from '../../../../../src/connectors/kafka/sink/kafka-sink.js'
import { type KafkaServer, startKafka } from '../../../../../src/dev/kafka-server.js'
import { readCommitted } from '../../../../oracle/read-committed.js'
import { createTopic } from '../../../../setup/topics.js'
import { waitUntil } from '../../../../setup/wait-until.js'
import { hold, type Holder, type Owned } from './owning.js'
import { wiring } from './places.js'

const COUNT = 600

let directory: string
let kafka: KafkaServer
let place: Owned

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-sink-broker-loss-'))
  kafka = await startKafka({ dataDirectory: directory })
  await createTopic(kafka.brokers, 'out', 1)
  place = {
    sink: kafkaSinkDefinition<unknown>({ topic: 'out' }, wiring({ patienceMs: 500 })),
    context: {
      pipeline: 'p',
      stage: 'main',
      partition: 0,
      ledgerKey: 'tests/p/main/0/k',
      connection: () => ({ brokers: kafka.brokers }),
    },
  }
})

afterAll(async () => {
  await kafka?.stop()
  await rm(directory, { recursive: true, force: true })
})

/** Writes the numbers below `count`, as the engine would: after any error the next owner goes on from the receipt. */
async function writeAll(count: number, onProgress: (written: number) => void): Promise<unknown[]> {
  const errors: unknown[] = []
  for (let claim = 1; ; claim++) {
    let holder: Holder | undefined
    try {
      holder = await hold(place, claim)
      let at = Number(holder.fence.positions['numbers'])
      while (at < count) {
        const next = Math.min(at + 7, count)
        for (; at < next; at++) await holder.write({ value: at })
        await holder.commit({ positions: { numbers: String(at) } })
        onProgress(at)
      }
      return errors
    } catch (error) {
      errors.push(error)
    } finally {
      await holder?.writer.close()
    }
  }
}

test('a broker that is killed and comes back costs sessions, and no record', { timeout: 480_000 }, async () => {
  let written = 0
  const writing = writeAll(COUNT, (at) => (written = at))
  for (const due of [100, 350]) {
    await waitUntil(() => written >= due, { every: 1, timeoutMs: 90_000 })
    await kafka.kill()
    await kafka.restart()
  }
  const errors = await writing
  expect(errors.length).toBeGreaterThan(0)
  for (const error of errors) expect(error).toMatchObject({ code: 'SinkUnavailable', retryable: true })
  const values = await waitUntil(() => readCommitted(kafka.brokers, 'out'), { timeoutMs: 90_000 })
  expect(values.map(({ value }) => Number(value))).toEqual(Array.from({ length: COUNT }, (_, n) => n))
})
