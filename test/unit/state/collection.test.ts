import { expect, test } from 'vitest'
import type { StateMark } from '../../../src/protocol/checkpoint.js'
import { waitUntil as sleepUntil } from '../../setup/wait-until.js'
import { MemoryStore } from './memory-store.js'
import { entriesAt, StoredTask } from './stored-task.js'

const RETAIN_MS = 100_000

/** Begins an epoch at that time, with all that a sweep does then. */
async function sweepAt(task: StoredTask, clock: { now: number }, store: MemoryStore, now: number): Promise<void> {
  clock.now = now
  store.now = now
  task.keeper.tend()
  await sleepUntil(() => !task.keeper.sweeps)
}

async function opened(store: MemoryStore, mark?: StateMark) {
  const clock = { now: 0 }
  return { clock, task: await StoredTask.open(store, mark, { retainMs: RETAIN_MS, time: () => clock.now }) }
}

/** Everything changes: whatever there was before is needed no more. */
async function turnOver(task: StoredTask, value: number): Promise<StateMark> {
  for (const key of ['a', 'b', 'c']) task.table.set(key, value)
  task.states.journal.forget()
  return await task.checkpoint()
}

test('a segment that no checkpoint names any more lives as long as one can rewind, counted from when it was dropped', async () => {
  const store = new MemoryStore()
  store.now = 1_000_000
  const { task, clock } = await opened(store)
  const first = await turnOver(task, 1)
  // Long after it was put.
  store.now = 2_000_000
  const second = await turnOver(task, 2)
  expect(first.segments).not.toEqual(second.segments)
  await sweepAt(task, clock, store, 2_000_001)
  await sweepAt(task, clock, store, 2_000_000 + RETAIN_MS)
  expect(await entriesAt(store, first)).toEqual({ a: 1, b: 1, c: 1 })
  await sweepAt(task, clock, store, 2_200_000 + RETAIN_MS)
  expect(store.blobs.size).toBe(1)
  expect(await entriesAt(store, second)).toEqual({ a: 2, b: 2, c: 2 })
  await task.keeper.close()
})

test('what is needed is never deleted, however old', async () => {
  const store = new MemoryStore()
  const { task, clock } = await opened(store)
  const mark = await turnOver(task, 1)
  await sweepAt(task, clock, store, store.now + 100 * RETAIN_MS)
  expect(await entriesAt(store, mark)).toEqual({ a: 1, b: 1, c: 1 })
  await task.keeper.close()
})

test('an owner that was thought dead deletes nothing of its successor, and neither does its successor of it', async () => {
  const store = new MemoryStore()
  store.now = 1_000_000
  const { task: old, clock: oldClock } = await opened(store)
  const mark = await turnOver(old, 1)
  // The epoch that it is in began here; then it stands still for longer than anything is retained.
  oldClock.now = 1_000_500
  store.now = 1_001_000
  const { task, clock } = await opened(store, mark)
  const next = await turnOver(task, 2)
  store.now = 1_001_000 + 20 * RETAIN_MS
  old.keeper.tend()
  await sleepUntil(() => !old.keeper.sweeps)
  expect(await entriesAt(store, next)).toEqual({ a: 2, b: 2, c: 2 })
  // And the successor, which has never seen what the other writes now.
  await sweepAt(task, clock, store, store.now)
  const strange = await turnOver(old, 3)
  await sweepAt(task, clock, store, store.now + RETAIN_MS / 2)
  expect(await entriesAt(store, strange)).toEqual({ a: 3, b: 3, c: 3 })
  await Promise.all([old.keeper.close(), task.keeper.close()])
})

test('a sweep that fails is said, and made up for', async () => {
  const store = new MemoryStore()
  const { task, clock } = await opened(store)
  await turnOver(task, 1)
  await turnOver(task, 2)
  store.failure = new Error('down')
  await sweepAt(task, clock, store, store.now + 2 * RETAIN_MS)
  expect(task.warnings).toEqual([
    'the state backend of task flights/main/0 could not delete old segments (a map): down',
  ])
  store.failure = null
  await sweepAt(task, clock, store, store.now + RETAIN_MS)
  expect(store.blobs.size).toBe(1)
  await task.keeper.close()
})

test('the same entries again are another segment: nothing that is to go comes back', async () => {
  const store = new MemoryStore()
  const { task } = await opened(store)
  await turnOver(task, 1)
  await turnOver(task, 2)
  await turnOver(task, 1)
  expect(store.blobs.size).toBe(3)
  await task.keeper.close()
})
