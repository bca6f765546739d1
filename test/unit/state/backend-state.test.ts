import { afterEach, beforeEach, expect, test } from 'vitest'
import { StateBackendUnavailable } from '../../../src/errors/state.js'
import { MANY } from '../../../src/state/segment-log.js'
import { SegmentFault } from '../../../src/state/restore.js'
import { waitUntil } from '../../setup/wait-until.js'
import { MemoryStore } from './memory-store.js'
import { entriesAt, never, StoredTask } from './stored-task.js'

let store: MemoryStore
let task: StoredTask

beforeEach(async () => {
  store = new MemoryStore()
  task = await StoredTask.open(store)
})
afterEach(async () => {
  await task.keeper.close()
})

/** About 2 MB. */
function changeMuch(value = 'x'): void {
  for (let i = 0; i < 20_000; i++) task.table.set(`key ${i}`, value + 'y'.repeat(90))
  task.states.journal.forget()
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** As the engine does between its slices. */
async function until(holds: () => boolean): Promise<void> {
  await waitUntil(() => {
    task.keeper.tend()
    return holds()
  })
}

test('what has changed is stored beside processing, all but a rest', async () => {
  changeMuch()
  expect(task.keeper.ready).toBe(false)
  await until(() => task.keeper.ready)
  const { puts } = store
  expect(puts).toBeGreaterThan(0)
  expect(task.mark.segments).toEqual([])
  await task.checkpoint()
  expect(store.puts).toBeLessThanOrEqual(puts + 1)
  expect(await entriesAt(store, task.mark)).toEqual(task.entries)
})

test('little is left to the checkpoint, and nothing changed says nothing', async () => {
  task.table.set('a', 1)
  for (let i = 0; i < 10; i++) task.keeper.tend()
  expect(task.keeper.ready).toBe(true)
  await turn()
  expect(store.puts).toBe(0)
  expect((await task.keeper.capture(never))?.add).toHaveLength(1)
  expect(await task.keeper.capture(never)).toBeUndefined()
})

test('processing is never held for long', async () => {
  changeMuch()
  let longest = 0
  while (!task.keeper.ready) {
    // Time of the processor: what others take of it meanwhile is not held.
    const before = process.cpuUsage()
    task.keeper.tend()
    const { user, system } = process.cpuUsage(before)
    longest = Math.max(longest, (user + system) / 1_000)
    await turn()
  }
  expect(longest).toBeLessThan(100)
})

test('an outage delays what is stored, is told, and loses nothing', async () => {
  task.table.set('before', 1)
  await task.checkpoint()
  store.failure = new Error('connect ECONNREFUSED')
  changeMuch()
  await until(() => task.keeper.trouble !== null)
  expect(task.keeper.ready).toBe(false)
  expect(task.keeper.trouble).toBeInstanceOf(StateBackendUnavailable)
  expect(task.keeper.trouble?.message).toBe(
    'the state backend of task flights/main/0 could not write a segment (a map): connect ECONNREFUSED',
  )
  expect(task.warnings).toHaveLength(1)
  // Processing goes on meanwhile.
  task.table.delete('key 7')
  task.table.set('key 8', 'newer')
  await expect(task.keeper.capture(never, false)).rejects.toBeInstanceOf(StateBackendUnavailable)
  const expected = task.entries
  store.failure = null
  await until(() => task.keeper.ready)
  expect(task.keeper.trouble).toBeNull()
  expect(await entriesAt(store, await task.checkpoint())).toEqual(expected)
})

test('an outage that begins with the checkpoint is told soon to whoever does not wait', async () => {
  store.failure = new Error('down')
  task.table.set('a', 1)
  expect(task.keeper.ready).toBe(true)
  await expect(task.keeper.capture(never, false)).rejects.toThrow('down')
  expect(task.keeper.ready).toBe(false)
  task.table.set('b', 2)
  store.failure = null
  expect(await entriesAt(store, await task.checkpoint())).toEqual({ a: 1, b: 2 })
})

test('whoever waits, waits for as long as it is wanted', async () => {
  store.failure = new Error('down')
  task.table.set('a', 1)
  const signal = AbortSignal.timeout(300)
  await expect(task.keeper.capture(signal)).rejects.toBeInstanceOf(StateBackendUnavailable)
})

test('what came, went and came again before it was stored is gone when it is gone', async () => {
  task.table.set('a', 1)
  task.table.set('b', 1)
  await task.checkpoint()
  task.table.delete('a')
  task.table.set('a', 2)
  task.table.delete('a')
  expect(await entriesAt(store, await task.checkpoint())).toEqual({ b: 1 })
})

test('a segment that is needed no more when its checkpoint is made is in none', async () => {
  changeMuch('first')
  await until(() => store.puts > 0 && task.keeper.ready)
  changeMuch('second')
  const { segments } = await task.checkpoint()
  expect(segments.length).toBeLessThan(store.puts)
  expect(await entriesAt(store, task.mark)).toEqual(task.entries)
})

test('a state of more full segments than a log should have is not rewritten for ever', async () => {
  const large = await StoredTask.open(store, undefined, { mostBytes: 65_536 })
  for (let i = 0; i < 5_000; i++) large.table.set(`key ${i}`, `${i} ${'z'.repeat(4_096)}`)
  large.states.journal.forget()
  await large.checkpoint()
  const { length } = large.mark.segments
  expect(length).toBeGreaterThan(MANY)
  let most = 0
  for (let i = 0; i < MANY + 50; i++) {
    const { puts } = store
    large.table.set(`key ${i}`, 'changed')
    large.states.journal.forget()
    await large.checkpoint()
    most = Math.max(most, store.puts - puts)
  }
  // Each time a part of it at most, and those that hold little become full ones.
  expect(most).toBeLessThan(length / 16)
  expect(large.mark.segments.length).toBeLessThan(length + 1.5 * MANY)
  expect(await entriesAt(store, large.mark)).toEqual(large.entries)
  await large.keeper.close()
})

test('a session that closes waits for no store', async () => {
  store.failure = new Error('down')
  task.table.set('a', 1)
  const captured = task.keeper.capture(never)
  await turn()
  await Promise.all([task.keeper.close(), expect(captured).rejects.toBeInstanceOf(StateBackendUnavailable)])
  expect(store.closed).toBe(true)
})

test('a value that cannot be encoded is an error of the checkpoint', async () => {
  const itself: Record<string, unknown> = {}
  itself['itself'] = itself
  task.table.set('a', itself)
  await expect(task.keeper.capture(never)).rejects.toThrow('circular')
})

test('a segment that is not what was stored is a fault, and so is one that is missing', async () => {
  task.table.set('a', 1)
  const mark = await task.checkpoint()
  const [[key, found] = ['', undefined]] = [...store.blobs]
  const spoilt = Uint8Array.from(found?.blob ?? [])
  spoilt[3] = (spoilt[3] ?? 0) ^ 1
  store.blobs.set(key, { blob: spoilt, at: 0 })
  await expect(entriesAt(store, mark)).rejects.toThrow('its SHA-256 is')
  await expect(entriesAt(store, mark)).rejects.toBeInstanceOf(SegmentFault)
  store.blobs.clear()
  await expect(entriesAt(store, mark)).rejects.toThrow('there is none')
})

test('a segment that was only spoilt on its way is read again', async () => {
  task.table.set('a', 1)
  const mark = await task.checkpoint()
  const get = store.get.bind(store)
  let reads = 0
  store.get = async (key) => {
    const blob = await get(key)
    return reads++ === 0 ? (blob?.subarray(1) ?? null) : blob
  }
  expect(await entriesAt(store, mark)).toEqual({ a: 1 })
  expect(reads).toBe(2)
})

test('state that lay in history goes on in the backend', async () => {
  task.table.set('a', 1)
  task.table.set('b', 2)
  const inline = { segments: [{ data: Buffer.from(task.states.snapshot()).toString('base64') }], versions: {} }
  const moved = await StoredTask.open(store, inline)
  moved.table.set('b', 3)
  const { segments } = await moved.checkpoint()
  expect(segments).toEqual([inline.segments[0], { key: expect.any(String), bytes: expect.any(Number) }])
  expect(await entriesAt(store, moved.mark)).toEqual({ a: 1, b: 3 })
  await moved.keeper.close()
})

test('a large state comes back with the event loop free meanwhile', async () => {
  for (let i = 0; i < 200_000; i++) task.table.set(`key ${i}`, i)
  const mark = await task.checkpoint()
  let beats = 0
  const beat = setInterval(() => beats++, 20)
  const again = await StoredTask.open(store, mark)
  clearInterval(beat)
  expect(again.table.size).toBe(200_000)
  expect(again.table.get('key 77777')).toBe(77_777)
  expect(beats).toBeGreaterThan(1)
  await again.keeper.close()
})
