import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SegmentStore, StateBackend, StateContext } from '../../../src/definition/state-backend.js'
import { uniqueName } from '../../setup/unique-name.js'

export interface StorePlace {
  readonly backend: StateBackend
  readonly connection: StateContext['connection']
}

/** Clocks of stores tell seconds, some of them. */
const TICK_MS = 1_100

const keyOf = (blob: Uint8Array): string => createHash('sha256').update(blob).digest('hex')

/** What every state backend keeps, against `SegmentStore`. */
export function segmentStoreTests(place: () => StorePlace): void {
  let namespace = ''
  let store: SegmentStore
  const opened: SegmentStore[] = []

  const open = async (more: Partial<StateContext> = {}): Promise<SegmentStore> => {
    const { backend, connection } = place()
    const task = { namespace, pipeline: 'flights', stage: 'by/day ü', partition: 3 }
    const made = await backend.open({ ...task, connection, signal: new AbortController().signal, ...more })
    opened.push(made)
    return made
  }
  const put = async (blob: Uint8Array, into = store): Promise<string> => {
    await into.put(keyOf(blob), blob)
    return keyOf(blob)
  }
  const listed = async (from = store) => {
    const all = new Map<string, { bytes: number; at: number }>()
    for await (const { key, bytes, at } of from.list()) {
      expect(all.has(key)).toBe(false)
      all.set(key, { bytes, at })
    }
    return all
  }

  beforeEach(async () => {
    namespace = uniqueName('namespace')
    store = await open()
  })
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
  })

  test('what was put comes back, byte by byte, in another session, too', async () => {
    const small = Uint8Array.from({ length: 256 }, (_, i) => i)
    const large = randomBytes(3_000_000)
    const keys = [await put(small), await put(large)]
    const again = await open()
    expect(Buffer.from((await again.get(keys[0] ?? '')) ?? []).equals(small)).toBe(true)
    expect(Buffer.from((await again.get(keys[1] ?? '')) ?? []).equals(large)).toBe(true)
  })

  test('what is not there is null', async () => {
    expect(await store.get('0'.repeat(64))).toBeNull()
  })

  test('all that is there is listed, with its size and time', async () => {
    const before = Date.now() - TICK_MS
    const keys = [await put(randomBytes(10)), await put(randomBytes(2_000))]
    const found = await listed()
    expect([...found.keys()].toSorted()).toEqual(keys.toSorted())
    expect(found.get(keys[1] ?? '')?.bytes).toBe(2_000)
    for (const { at } of found.values()) {
      expect(at).toBeGreaterThan(before)
      expect(at).toBeLessThan(Date.now() + TICK_MS)
    }
  })

  test('of other tasks nothing is listed, read or deleted', async () => {
    const mine = await put(randomBytes(10))
    const others = await Promise.all([
      open({ partition: 30 }),
      open({ stage: 'by' }),
      open({ pipeline: 'flights/by' }),
      open({ namespace: `${namespace}x` }),
    ])
    for (const other of others) {
      expect((await listed(other)).size).toBe(0)
      expect(await other.get(mine)).toBeNull()
      await other.delete([mine])
    }
    expect((await listed()).size).toBe(1)
  })

  test('putting it again, and touching it, make it young', async () => {
    const blob = randomBytes(10)
    const key = await put(blob)
    const other = await put(randomBytes(10))
    const first = await listed()
    await delay(TICK_MS)
    await store.touch([key, 'f'.repeat(64)])
    const second = await listed()
    await delay(TICK_MS)
    await put(blob)
    const third = await listed()
    const times = [first, second, third].map((all) => all.get(key)?.at ?? 0)
    expect(times[1]).toBeGreaterThan(times[0] ?? 0)
    expect(times[2]).toBeGreaterThan(times[1] ?? 0)
    expect(third.get(other)).toEqual(first.get(other))
    expect(Buffer.from((await store.get(key)) ?? []).equals(blob)).toBe(true)
  })

  test('what is deleted is gone, and what was not there is no error', async () => {
    const [gone, kept] = [await put(randomBytes(10)), await put(randomBytes(10))]
    await store.delete([gone, 'f'.repeat(64)])
    expect([...(await listed()).keys()]).toEqual([kept])
    expect(await store.get(gone)).toBeNull()
    await store.delete([])
    await store.touch([])
  })

  test('many at once, of two owners and the same ones: more than one page of them', async () => {
    const blobs = Array.from({ length: 1_010 }, (_, n) => Buffer.from(`blob ${n}`))
    const other = await open()
    const write = async (into: SegmentStore, some: readonly Uint8Array[]): Promise<void> => {
      for (let from = 0; from < some.length; from += 20) {
        await Promise.all(some.slice(from, from + 20).map((blob) => put(blob, into)))
      }
    }
    await Promise.all([write(store, blobs.slice(0, 550)), write(other, blobs.slice(450))])
    const found = await listed()
    expect([...found.keys()].toSorted()).toEqual(blobs.map(keyOf).toSorted())
    await store.delete([...found.keys()])
    expect((await listed()).size).toBe(0)
  }, 300_000)
}
