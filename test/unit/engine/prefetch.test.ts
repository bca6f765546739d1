import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sourceDefinitionOf } from '../../../src/definition/define-source.js'
import type { SourceBatch, SourceReader } from '../../../src/definition/source.js'
import { Bell } from '../../../src/engine/bell.js'
import { ByteBudget } from '../../../src/engine/byte-budget.js'
import { Prefetch } from '../../../src/engine/prefetch.js'
import { PositionLost, SourceUnauthorized, SourceUnavailable } from '../../../src/errors/source.js'
import { waitUntil } from '../../setup/wait-until.js'
import { LogSource } from './log-source.js'

const place = { pipeline: 'p', source: 's' }
const MEGABYTE = 1024 * 1024

let log: LogSource
let bell: Bell
let budget: ByteBudget
const started: Prefetch[] = []

async function open(position: string): Promise<SourceReader<unknown>> {
  const definition = sourceDefinitionOf(log.source())
  if (definition === undefined) throw new Error('no definition')
  const { signal } = new AbortController()
  return await definition.open({ ...place, partition: 0, position, signal, connection: () => undefined })
}

async function start(position = '0', reader?: SourceReader<unknown>): Promise<Prefetch> {
  const prefetch = new Prefetch({
    open,
    reader: reader ?? (await open(position)),
    position,
    bell,
    budget,
    place: { pipeline: place.pipeline, source: place.source, partition: 0 },
  })
  started.push(prefetch)
  return prefetch
}

/** Everything that has been read and not yet been done with. */
async function drain(prefetch: Prefetch, count: number): Promise<readonly unknown[]> {
  const values: unknown[] = []
  while (values.length < count) {
    await waitUntil(() => prefetch.head, { for: `record ${values.length} of ${count}`, every: 1 })
    values.push(...(prefetch.head?.records ?? []).map((record) => record.value))
    prefetch.shift()
  }
  return values
}

/** A reader whose batches hold that many bytes each, for ever. */
function heavyReader(bytes: number): SourceReader<unknown> & { polls: number; closed: number } {
  const reader = {
    polls: 0,
    closed: 0,
    async poll(): Promise<SourceBatch<unknown>> {
      await delay(1)
      const position = String(reader.polls++)
      const record = { position, next: String(reader.polls), key: null, value: position }
      return { records: [record], next: record.next, bytes }
    },
    close: async () => void reader.closed++,
  }
  return reader
}

beforeEach(() => {
  log = new LogSource()
  bell = new Bell()
  budget = new ByteBudget(64 * MEGABYTE)
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((prefetch) => prefetch.close()))
})

describe('reading ahead', () => {
  test('goes on while nobody takes anything, and rings for each batch', async () => {
    log.batch = 2
    log.append(1, 2, 3, 4, 5)
    const prefetch = await start()
    await waitUntil(() => prefetch.queued === 3, { every: 1 })
    expect(prefetch.head?.records).toHaveLength(2)
    await bell.wait(1_000)
    expect(await drain(prefetch, 5)).toEqual([1, 2, 3, 4, 5])
    expect(prefetch.head).toBeUndefined()
  })

  test('knows how much is left behind the newest batch', async () => {
    log.batch = 2
    log.append(1, 2, 3)
    const prefetch = await start()
    expect(prefetch.lag).toBeNull()
    await waitUntil(() => prefetch.lag === 0, { every: 1 })
  })

  test('a gap counts though it holds no record; nothing new is no batch', async () => {
    const prefetch = await start()
    await delay(20)
    expect(prefetch.head).toBeUndefined()
    log.gap(7)
    await waitUntil(() => prefetch.head, { every: 1 })
    expect(prefetch.head).toMatchObject({ records: [], next: '7' })
  })

  test('ends where a bounded source does', async () => {
    log.append(1)
    log.ends = true
    const prefetch = await start()
    await waitUntil(() => prefetch.done, { every: 1 })
    expect(await drain(prefetch, 1)).toEqual([1])
    expect(log.polls).toBe(1)
  })
})

describe('a failure', () => {
  test('that may pass: a fresh reader goes on where the last batch ended', async () => {
    log.batch = 1
    log.append(1)
    const prefetch = await start()
    await waitUntil(() => prefetch.head, { every: 1 })
    const trouble = new SourceUnavailable(place)
    log.pollErrors.push(trouble)
    log.ring()
    await waitUntil(() => prefetch.trouble === trouble, { every: 1 })
    log.append(2, 3)
    expect(await drain(prefetch, 3)).toEqual([1, 2, 3])
    expect(log.opened.map(({ position }) => position)).toEqual(['0', '1'])
    expect([log.closed, prefetch.trouble, prefetch.failure]).toEqual([1, null, undefined])
  })

  test("that is nobody's error may pass, too, also while opening", async () => {
    log.append(1)
    log.pollErrors.push(new Error('ECONNRESET'))
    const reader = await open('0')
    log.openErrors.push(new Error('ECONNREFUSED'))
    const prefetch = await start('0', reader)
    expect(await drain(prefetch, 1)).toEqual([1])
    expect(log.opened).toHaveLength(3)
  })

  test('that stays is told after the records before it, and ends reading', async () => {
    log.batch = 1
    log.append(1, 2)
    const lost = new PositionLost({ ...place, position: '2', earliest: '5', end: '9', lost: { from: '2', to: '5' } })
    const prefetch = await start()
    await waitUntil(() => log.polls >= 3, { every: 1 })
    log.pollErrors.push(lost)
    log.ring()
    await waitUntil(() => prefetch.failure === lost, { every: 1 })
    expect(await drain(prefetch, 2)).toEqual([1, 2])
    expect([prefetch.head, log.closed]).toEqual([undefined, 1])
  })

  test('rings, so that whoever waits for records learns of it', async () => {
    const prefetch = await start()
    const rung = bell.wait(10_000)
    log.pollErrors.push(new SourceUnauthorized({ ...place, operation: 'read' }))
    log.ring()
    await rung
    expect(prefetch.failure).toMatchObject({ code: 'SourceUnauthorized' })
  })

  test('to close a broken reader is no failure of the fresh one', async () => {
    log.append(1)
    const broken: SourceReader<unknown> = {
      poll: () => Promise.reject(new Error('broken')),
      close: () => Promise.reject(new Error('still broken')),
    }
    expect(await drain(await start('0', broken), 1)).toEqual([1])
  })

  test("to pass a checkpoint on is nobody's business", async () => {
    const reader: SourceReader<unknown> = {
      ...heavyReader(1),
      checkpointed: () => Promise.reject(new Error('no')),
    }
    const prefetch = await start('0', reader)
    prefetch.checkpointed('1')
    await delay(5)
  })
})

describe('the byte budget', () => {
  test('bounds what one task reads ahead', async () => {
    const reader = heavyReader(MEGABYTE)
    const prefetch = await start('0', reader)
    await waitUntil(() => reader.polls > 2, { every: 1 })
    let polls = 0
    for (let quiet = 0; quiet < 20 && polls < 1_000; quiet = reader.polls === polls ? quiet + 1 : 0) {
      polls = reader.polls
      await delay(5)
    }
    expect(polls).toBeLessThanOrEqual(20)
    prefetch.shift()
    await waitUntil(() => reader.polls === polls + 1, { every: 1 })
  })

  test('is shared: a task that holds something waits, one that holds nothing never does', async () => {
    budget = new ByteBudget(2 * MEGABYTE)
    const [first, second] = [heavyReader(MEGABYTE), heavyReader(MEGABYTE)]
    const hog = await start('0', first)
    await waitUntil(() => first.polls === 2, { every: 1 })
    const other = await start('0', second)
    await waitUntil(() => other.head, { every: 1 })
    await delay(30)
    expect([first.polls, second.polls]).toEqual([2, 1])
    await hog.close()
    await waitUntil(() => second.polls === 2, { every: 1 })
  })

  test('gets everything back when reading ends', async () => {
    const reader = heavyReader(MEGABYTE)
    const prefetch = await start('0', reader)
    await waitUntil(() => prefetch.queued >= 2, { every: 1 })
    expect(budget.available).toBeLessThan(budget.limit)
    await prefetch.close()
    expect(budget.available).toBe(budget.limit)
    expect(reader.closed).toBe(1)
  })

  test('closing does not wait for room, or for a pause between tries', async () => {
    budget = new ByteBudget(1)
    const full = await start('0', heavyReader(MEGABYTE))
    await waitUntil(() => full.head, { every: 1 })
    log.openErrors.push(...Array.from({ length: 50 }, () => new Error('down')))
    log.pollErrors.push(new Error('down'))
    const trying = await start('0', await open('0').catch(() => heavyReader(1)))
    const before = performance.now()
    await Promise.all([full.close(), trying.close()])
    expect(performance.now() - before).toBeLessThan(10_000)
  })
})
