import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SourceReader } from '../../../../src/definition/source.js'
import { brokers } from '../../../setup/shared-servers.js'
import { createTopic } from '../../../setup/topics.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { boundsOf, definitionOf, open, partitionsOf, poll, produce, readUntil, shown } from './reading.js'

const five = ['a', 'b', 'c', 'd', 'e']

let topic: string
let opened: SourceReader<unknown>[] = []

beforeEach(async () => {
  topic = await createTopic(brokers(), uniqueName('reader'), 2, { 'retention.ms': '-1' })
})

afterEach(async () => {
  for (const reader of opened) await reader.close()
  opened = []
})

async function openReader(...args: Parameters<typeof open>): Promise<SourceReader<unknown>> {
  const reader = await open(...args)
  opened.push(reader)
  return reader
}

describe('reading', () => {
  test('begins at the position given and goes on where the last poll ended', async () => {
    await produce(brokers(), topic, five)
    const reader = await openReader(definitionOf(topic), { brokers: brokers(), position: '1' })
    expect(await readUntil(reader, 5)).toEqual(['1:b', '2:c', '3:d', '4:e'])
    await produce(brokers(), topic, ['f'], { gzip: true })
    expect(shown(await poll(reader))).toEqual(['5:f'])
  })

  test('keeps to maxRecords and says how far behind it is', async () => {
    await produce(brokers(), topic, five)
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    const first = await poll(reader, { maxRecords: 2 })
    expect([shown(first), first.next, first.lag]).toEqual([['0:a', '1:b'], '2', 3])
    const second = await poll(reader, { maxRecords: 2 })
    expect([shown(second), second.next, second.lag]).toEqual([['2:c', '3:d'], '4', 1])
    expect((await poll(reader)).lag).toBe(0)
  })

  test('keeps to maxBytes, but for a record that is larger by itself', async () => {
    await produce(brokers(), topic, ['x'.repeat(300_000)])
    await produce(brokers(), topic, ['y'.repeat(300_000), 'z'])
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    const sizes: [number, number][] = []
    for (let next = 0; next < 3;) {
      const batch = await poll(reader, { maxBytes: 1_000 })
      sizes.push([batch.records.length, Math.round((batch.bytes ?? 0) / 1000)])
      next = Number(batch.next)
    }
    expect(sizes).toEqual([[1, 300], [1, 300], [1, 0]]) // prettier-ignore
  })

  test('hands on keys, repeated headers, times and tombstones', async () => {
    const at = Date.UTC(2026, 0, 1)
    await produce(brokers(), topic, [
      { key: 'k', value: null, timestamp: String(at), headers: { trace: ['one', 'two'], kind: 'x' } },
    ])
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    const [record] = (await poll(reader)).records
    expect(Buffer.from(record?.key ?? []).toString()).toBe('k')
    expect(record?.value).toBeNull()
    expect(record?.timestamp).toBe(at)
    expect(record?.headers?.all('trace').map((value) => Buffer.from(value).toString())).toEqual(['one', 'two'])
  })

  test('names the topic by its id, the same as its bounds', async () => {
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    expect(reader.identity).toMatch(/^[0-9a-f]{32}$/)
    expect((await boundsOf(definitionOf(topic), { brokers: brokers() })).identity).toBe(reader.identity)
  })
})

describe('an idle partition', () => {
  test('answers in time, with nothing', async () => {
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    const begun = performance.now()
    expect(await poll(reader, { maxWaitMs: 300 })).toEqual({ records: [], next: '0', lag: 0, bytes: 0 })
    expect(performance.now() - begun).toBeGreaterThan(250)
    expect(performance.now() - begun).toBeLessThan(15_000)
  })

  test('delays no other one', async () => {
    const idle = await openReader(definitionOf(topic), { brokers: brokers(), partition: 0 })
    const busy = await openReader(definitionOf(topic), { brokers: brokers(), partition: 1 })
    const stop = new AbortController()
    let waits = true
    const waiting = poll(idle, { maxWaitMs: 60_000, signal: stop.signal }).finally(() => (waits = false))
    await produce(brokers(), topic, ['a'], { partition: 1 })
    expect(shown(await poll(busy, { maxWaitMs: 60_000 }))).toEqual(['0:a'])
    expect(waits).toBe(true)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  test('wakes up when something comes', async () => {
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    const waiting = poll(reader, { maxWaitMs: 20_000 })
    await produce(brokers(), topic, ['a'])
    const begun = performance.now()
    expect(shown(await waiting)).toEqual(['0:a'])
    expect(performance.now() - begun).toBeLessThan(12_000)
  })

  test('lets go at once when told to', async () => {
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    const stop = new AbortController()
    const waiting = poll(reader, { maxWaitMs: 30_000, signal: stop.signal })
    const begun = performance.now()
    setTimeout(() => stop.abort(new Error('enough')), 100)
    await expect(waiting).rejects.toThrow('enough')
    expect(performance.now() - begun).toBeLessThan(15_000)
  })

  test('lets go at once when closed', async () => {
    const reader = await openReader(definitionOf(topic), { brokers: brokers() })
    const waiting = poll(reader, { maxWaitMs: 30_000 })
    const begun = performance.now()
    setTimeout(() => void reader.close(), 100)
    await expect(waiting).rejects.toThrow('closed')
    expect(performance.now() - begun).toBeLessThan(15_000)
  })
})

describe('partitions', () => {
  test('are counted', async () => {
    expect(await partitionsOf(definitionOf(topic), { brokers: brokers() })).toBe(2)
  })

  test('are counted even if some of the brokers named are not there', async () => {
    const named = ['127.0.0.1:1', ...brokers(), 'localhost:1']
    expect(await partitionsOf(definitionOf(topic), { brokers: named })).toBe(2)
  })
})
