/**
 * Topics that the Java client wrote are read, record for record and from every offset, as its consumer reads them. The
 * broker is one of its own, whose log cleaner doesn't rest.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SourceReader, SourceRecord } from '../../../../src/definition/source.js'
import { type KafkaServer, startKafka } from '../../../../src/dev/kafka-server.js'
import type { PlainBatch } from '../../../fuzz/plain-batches.js'
import { type JavaRecord, type JavaTopic, type JavaView, readTopics, writeTopics } from '../../../peers/java-peer.js'
import { logOf } from './log-bytes.js'
import { definitionOf, open, poll } from './reading.js'

const topics: readonly JavaTopic[] = ['transactions', 'open', 'codecs', 'times', 'compacted']
const isolations = ['read_committed', 'read_uncommitted'] as const

let kafka: KafkaServer
let views: readonly JavaView[]
let compactedLog: readonly PlainBatch[]

beforeAll(async () => {
  kafka = await startKafka({ brokerConfig: { 'log.cleaner.backoff.ms': '100' } })
  await writeTopics(kafka.brokers, topics)
  compactedLog = await settledLog('compacted')
  views = await readTopics(kafka.brokers, topics)
})

afterAll(() => kafka?.stop())

/** The log of a topic, when compaction has taken what it takes and left it alone for a while. */
async function settledLog(topic: JavaTopic): Promise<PlainBatch[]> {
  let [log, quietSince] = [await logOf(kafka.brokers, topic), Date.now()]
  for (const deadline = Date.now() + 180_000; Date.now() < deadline;) {
    await sleep(200)
    const now = await logOf(kafka.brokers, topic)
    if (told(now) !== told(log)) [log, quietSince] = [now, Date.now()]
    else if (now.some(({ count }) => count === 0) && Date.now() - quietSince > 5_000) return now
  }
  throw new Error(`after 180 s compaction of topic ${topic} has not settled: ${told(log)}`)
}

function told(log: readonly PlainBatch[]): string {
  return log.map(({ baseOffset, lastOffset, count }) => `${baseOffset}-${lastOffset}: ${count}`).join()
}

function viewOf(topic: JavaTopic, isolation: JavaView['isolation']): JavaView {
  const view = views.find((one) => one.topic === topic && one.isolation === isolation)
  if (view === undefined) throw new Error(`the Java consumer told nothing of ${topic}, ${isolation}`)
  return view
}

function asJava(record: SourceRecord<unknown>): JavaRecord {
  const { position, timestamp, key, value } = record
  const headers = [...(record.headers ?? [])].map(
    ([name, bytes]) => [base64(Buffer.from(name)), base64(bytes)] as const,
  )
  return {
    offset: Number(position),
    timestamp: timestamp ?? NaN,
    key: base64(key ?? null),
    value: base64(value as Uint8Array | null),
    headers: headers.map(([name, bytes]) => [name ?? '', bytes]),
  }
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64')
}

/** Of a header, no value reads as no bytes: that is what `Headers` promises. */
const withoutNulls = (record: JavaRecord): JavaRecord => ({
  ...record,
  headers: record.headers.map(([name, value]) => [name, value ?? '']),
})

async function readAll(reader: SourceReader<unknown>, end: number, maxRecords: number): Promise<JavaRecord[]> {
  const records: JavaRecord[] = []
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    const batch = await poll(reader, { maxRecords, maxWaitMs: 100 })
    records.push(...batch.records.map(asJava))
    if (Number(batch.next) >= end) return records
  }
  throw new Error(`after 60 s not at ${end}, having read ${records.map(({ offset }) => offset).join()}`)
}

describe.each(topics)('the topic of %s', (topic) => {
  test.each(isolations)('reads %s as by Java, from every offset', { timeout: 300_000 }, async (isolation) => {
    const view = viewOf(topic, isolation)
    expect(view.starts.size).toBe(view.end - view.first + 1)
    expect(view.records.size).toBeGreaterThan(0)
    for (const [start, offsets] of view.starts) {
      const reader = await open(definitionOf(topic, { isolation }), { brokers: kafka.brokers, position: String(start) })
      try {
        const read = start >= view.end ? [] : await readAll(reader, view.end, start % 4 === 0 ? Infinity : start % 4)
        const due = offsets.map((offset) => withoutNulls(view.records.get(offset)!))
        expect(
          read.map(({ offset }) => offset),
          `from ${start}`,
        ).toEqual(offsets)
        for (const [index, record] of read.entries()) expect(record, `from ${start}`).toEqual(due[index])
        if (start >= view.end) expect((await poll(reader, { maxWaitMs: 1 })).records).toEqual([])
      } finally {
        await reader.close()
      }
    }
  })
})

describe('what these topics hold', () => {
  const attributes = { codec: 0x07, transactional: 0x10, control: 0x20 }
  const has = ({ attributes: of }: PlainBatch, bit: keyof typeof attributes): boolean => (of & attributes[bit]) !== 0

  test('transactions: aborted and committed ones, interleaved, and keys that look like markers', async () => {
    const [committed, all] = isolations.map((isolation) => viewOf('transactions', isolation))
    const log = await logOf(kafka.brokers, 'transactions')
    expect(log.filter((batch) => has(batch, 'control')).length).toBeGreaterThan(20)
    const open_ = new Set<bigint>()
    let together = 0
    for (const batch of log) {
      if (has(batch, 'control')) open_.delete(batch.producerId)
      else if (has(batch, 'transactional')) open_.add(batch.producerId)
      together = Math.max(together, open_.size)
    }
    expect(together).toBe(4)
    const abortedOnes = [...all!.records.values()].filter(({ offset }) => !committed!.records.has(offset))
    for (const key of ['AAAAAA==', 'AAAAAQ==']) {
      expect([...committed!.records.values()].some((record) => record.key === key)).toBe(true)
      expect(abortedOnes.some((record) => record.key === key)).toBe(true)
    }
  })

  test('open: records after the last stable offset', () => {
    expect(viewOf('open', 'read_committed').end).toBeLessThan(viewOf('open', 'read_uncommitted').end)
  })

  test('codecs: all of them, and headers that repeat', async () => {
    const { records } = viewOf('codecs', 'read_committed')
    const log = await logOf(kafka.brokers, 'codecs')
    expect([...new Set(log.map((batch) => batch.attributes & attributes.codec))]).toEqual([0, 1, 2, 3, 4])
    const repeated = [...records.values()].find(({ headers }) => headers.length > 70)
    expect(repeated?.headers.filter(([name]) => name === repeated.headers[0]?.[0])).toHaveLength(2)
  })

  test('compacted: batches without records, gaps within and between batches', () => {
    expect(compactedLog.filter(({ count }) => count === 0).length).toBeGreaterThan(2)
    const within = ({ baseOffset, lastOffset, count }: PlainBatch): boolean =>
      count > 0 && BigInt(count) < lastOffset - baseOffset + 1n
    expect(compactedLog.filter(within).length).toBeGreaterThan(0)
    const next = compactedLog.slice(1)
    expect(next.filter(({ baseOffset }, i) => baseOffset > compactedLog[i]!.lastOffset + 1n).length).toBeGreaterThan(0)
    const { records, end } = viewOf('compacted', 'read_committed')
    expect(records.size).toBeLessThan(end / 4)
    expect([...records.values()].some(({ value }) => value === null)).toBe(false)
  })

  test('compacted: nothing was cleaned while it was read', async () => {
    expect(told(await logOf(kafka.brokers, 'compacted'))).toBe(told(compactedLog))
  })
})
