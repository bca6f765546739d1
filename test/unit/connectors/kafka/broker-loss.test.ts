import { mkdtemp, open as openFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SourceReader } from '../../../../src/definition/source.js'
import { type KafkaServer, startKafka } from '../../../../src/dev/kafka-server.js'
import { createTopic } from '../../../setup/topics.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { definitionOf, open, poll, produce, readUntil, shown } from './reading.js'

let directory: string
let kafka: KafkaServer
let topic: string
let reader: SourceReader<unknown>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-broker-loss-'))
  kafka = await startKafka({ dataDirectory: directory })
})

afterAll(async () => {
  await kafka?.stop()
  await rm(directory, { recursive: true, force: true })
})

beforeEach(async () => {
  topic = await createTopic(kafka.brokers, uniqueName('loss'), 1)
  await produce(kafka.brokers, topic, ['a', 'b'])
  reader = await open(definitionOf(topic), { brokers: kafka.brokers })
  expect(await readUntil(reader, 2)).toEqual(['0:a', '1:b'])
})

afterEach(() => reader?.close())

describe('a broker that is lost under a reader', () => {
  test('and comes back is read on from, nothing lost or twice', { timeout: 240_000 }, async () => {
    const restarted = (async () => {
      await kafka.kill()
      await kafka.restart()
      await produce(kafka.brokers, topic, ['c', 'd'])
    })()
    const seen: string[] = []
    const failures: unknown[] = []
    for (const deadline = Date.now() + 90_000; seen.length < 2 && Date.now() < deadline;) {
      try {
        seen.push(...shown(await poll(reader, { maxWaitMs: 500 })))
      } catch (error) {
        // A start slower than a reader's patience: the engine opens another one, at the position it has.
        failures.push(error)
        await reader.close()
        reader = await openPatiently()
      }
    }
    await restarted
    expect(seen).toEqual(['2:c', '3:d'])
    for (const failure of failures) expect(failure).toMatchObject({ code: 'SourceUnavailable', retryable: true })
  })

  test('is unavailable after some seconds, and polls answer in time until then', { timeout: 240_000 }, async () => {
    await kafka.kill()
    try {
      const begun = performance.now()
      const lasted: number[] = []
      const failure = await (async () => {
        for (;;) {
          const poll_ = performance.now()
          const batch = await poll(reader, { maxWaitMs: 500 }).catch((error: unknown) => error as Error)
          if (batch instanceof Error) return batch
          expect(batch).toMatchObject({ records: [], next: '2' })
          lasted.push(performance.now() - poll_)
        }
      })()
      expect(failure).toMatchObject({
        code: 'SourceUnavailable',
        retryable: true,
        details: { pipeline: 'delays', source: 'flights', topic, partition: 0 },
        message: expect.stringMatching(/ECONNREFUSED|ended|closed/i),
      })
      expect(performance.now() - begun).toBeGreaterThan(8_000)
      expect(performance.now() - begun).toBeLessThan(60_000)
      // None has waited for as long as the whole took, however late this process may be.
      expect(Math.max(...lasted)).toBeLessThan(6_000)
    } finally {
      await kafka.restart()
    }
  })

  test('is unavailable where it only falls silent, connections open', { timeout: 240_000 }, async () => {
    kafka.pause()
    try {
      const begun = performance.now()
      await expect(poll(reader, { maxWaitMs: 500 })).rejects.toMatchObject({ code: 'SourceUnavailable' })
      expect(performance.now() - begun).toBeLessThan(60_000)
      expect(performance.now() - begun).toBeGreaterThan(8_000)
    } finally {
      kafka.resume()
    }
  })
})

async function openPatiently(): Promise<SourceReader<unknown>> {
  for (;;) {
    try {
      return await open(definitionOf(topic), { brokers: kafka.brokers, position: '2' })
    } catch (error) {
      expect(error).toMatchObject({ code: 'SourceUnavailable' })
    }
  }
}

test('a batch damaged on the broker’s disk is refused, after those before it', async () => {
  await produce(kafka.brokers, topic, ['c'])
  await produce(kafka.brokers, topic, ['damage me'])
  const log = join(directory, 'kafka', 'data', `${topic}-0`)
  const [segment] = (await readdir(log)).filter((name) => name.endsWith('.log'))
  const file = await openFile(join(log, segment ?? ''), 'r+')
  const bytes = await file.readFile()
  await file.write('D', bytes.lastIndexOf('damage me'))
  await file.close()
  expect(await poll(reader)).toMatchObject({ records: [{ position: '2' }], next: '3' })
  await expect(poll(reader)).rejects.toMatchObject({
    code: 'CorruptBatch',
    retryable: false,
    details: { topic, partition: 0, position: '3' },
    message: expect.stringContaining('does not match its checksum'),
  })
})
