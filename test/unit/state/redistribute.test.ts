import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyHash } from '../../../src/connectors/kafka/sink/murmur2.js'
import { lmdbStore } from '../../../src/connectors/lmdb/index.js'
import { redistribute } from '../../../src/state/redistribute.js'
import { pairKey, pairOf } from '../../../src/state/pair-key.js'
import { restoreLog } from '../../../src/state/restore.js'
import { Shelf } from '../../../src/state/shelf.js'
import { StepStates } from '../../../src/state/step-states.js'
import { storeStates } from '../../../src/state/store-states.js'
import { clockMoves, sendersMove } from '../../../src/steps/channel-clock.js'
import { leastOfAll } from '../../../src/steps/stage-time.js'
import { MemoryStore } from './memory-store.js'
import { never, TASK } from './stored-task.js'

const partitionOf = (key: Uint8Array, partitions: number): number => keyHash(key) % partitions

/** As a count, windows and timers have theirs. */
function tables(): StepStates {
  const states = new StepStates()
  states.table('count', 'values')
  states.table('window', 'windows', { moves: { by: 'key', of: (entry) => entry.slice(entry.indexOf(' ') + 1) } })
  states.table('timers', 'event-timers', { moves: { by: 'key', of: (timer) => pairOf(timer)[0] } })
  return states
}

/** All entries, each with the partition that it is in. */
const contents = (all: readonly StepStates[]): readonly string[] =>
  all
    .flatMap((states, partition) =>
      [...states.all].flatMap(([id, table]) =>
        table.keys().map((key) => JSON.stringify([partition, id, key, table.get(key)])),
      ),
    )
    .toSorted()

function rescaled(from: readonly StepStates[], count: number): StepStates[] {
  return Array.from({ length: count }, (_, partition) => {
    const into = tables()
    const before = (key: Uint8Array): number => partitionOf(key, from.length)
    const here = (key: Uint8Array): boolean => partitionOf(key, count) === partition
    for (const _step of redistribute(into, from, { before, here }));
    return into
  })
}

const count = fc.integer({ min: 1, max: 7 })
// Any bytes: of keys, a byte per character.
const anyKey = fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const entry = fc.record({ key: anyKey, time: fc.integer(), name: fc.string(), value: fc.nat() })
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never

function fill(states: readonly StepStates[], entries: readonly Entry[]): void {
  for (const { key: text, time, name, value } of entries) {
    const own = states[partitionOf(Buffer.from(text, 'latin1'), states.length)]?.all
    own?.get('count values')?.set(text, value)
    own?.get('window windows')?.set(`${time} ${text}`, { start: time, acc: value })
    own?.get('timers event-timers')?.set(pairKey(text, name), time)
  }
}

test('keys that go to other partitions and come back are where they were, with all they had', () => {
  fc.assert(
    fc.property(fc.array(entry), count, count, (entries, few, others) => {
      const states = Array.from({ length: few }, tables)
      fill(states, entries)
      const there = rescaled(states, others)
      for (const text of contents(there)) {
        const [partition, , raw] = JSON.parse(text) as [number, string, string]
        if (!raw.includes('\0\0') && !raw.includes(' '))
          expect(partitionOf(Buffer.from(raw, 'latin1'), others)).toBe(partition)
      }
      expect(there.reduce((sum, { size }) => sum + size, 0)).toBe(states.reduce((sum, { size }) => sum + size, 0))
      expect(contents(rescaled(there, few))).toEqual(contents(states))
    }),
  )
})

test('tasks whose values are on disk hand on what tasks in memory do', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-rescale-'))
  const shelves: Shelf[] = []
  const onDisk = async (partition: number): Promise<StepStates> => {
    const task = { ...TASK, partition, namespace: 'unit', connection: () => undefined, signal: never }
    const values = await lmdbStore({ directory, batch: 0 }).open(task)
    const shelf = new Shelf(values, (_, cause) => cause as Error)
    shelves.push(shelf)
    const states = tables()
    states.useShelf(shelf)
    return states
  }
  const of = (many: number): Promise<StepStates[]> =>
    Promise.all(Array.from({ length: many }, (_, partition) => onDisk(partition)))
  /** By way of a store of segments, as a checkpoint, a savepoint and a claim do it. */
  const moved = async (from: readonly StepStates[], into: readonly StepStates[]): Promise<void> => {
    const store = new MemoryStore()
    for (const [partition, states] of from.entries()) {
      const { segments } = await storeStates(states, store, `task ${partition}`, never)
      const target = into[partition]
      if (target !== undefined) await restoreLog(target, segments, (name) => store.get(name), never)
    }
  }
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 30 }), count, count, async (entries, few, others) => {
        const inMemory = Array.from({ length: few }, tables)
        const old = await of(few)
        fill(inMemory, entries)
        fill(old, entries)
        const copies = Array.from({ length: few }, tables)
        await moved(old, copies)
        const successors = await of(others)
        await moved(rescaled(copies, others), successors)
        expect(contents(successors)).toEqual(contents(rescaled(inMemory, others)))
        // What was stored is still with those that stored it.
        expect(contents(old)).toEqual(contents(inMemory))
        await Promise.all(shelves.splice(0).map((shelf) => shelf.close()))
      }),
      { numRuns: 25 },
    )
  } finally {
    await Promise.all(shelves.map((shelf) => shelf.close()))
    await rm(directory, { recursive: true })
  }
})

test('what is of no key is what comes of all tasks: time has come as far as in each', () => {
  const clock = (entries: Readonly<Record<string, number>>): StepStates => {
    const states = new StepStates()
    const own = states.table<number>('by', 'clock', clockMoves)
    const known = states.table<{ watermark: number | null; heard: number; idle: boolean }>('by', 'senders', sendersMove)
    for (const [key, value] of Object.entries(entries)) own.set(key, value)
    known.set('0', { watermark: entries[''] ?? null, heard: entries['silent'] ?? 7, idle: entries['idle'] === 1 })
    return states
  }
  const merged = (...all: Readonly<Record<string, number>>[]): StepStates => {
    const into = clock({})
    into.all.get('by senders')?.delete('0')
    for (const _step of redistribute(into, all.map(clock), { before: () => 0, here: () => true }));
    return into
  }
  const both = merged({ '': 12, senders: 2, silent: 9, idle: 1 }, { '': 5, senders: 3 }).all
  expect(['', 'senders', 'silent'].map((key) => both.get('by clock')?.get(key))).toEqual([5, 3, undefined])
  expect(both.get('by senders')?.get('0')).toEqual({ watermark: 5, heard: 9, idle: false })
  const one = merged({ '': 12, senders: 2 }, {}).all
  expect(one.get('by clock')?.get(''), 'where one has heard nothing, time stands still').toBeUndefined()
  expect(one.get('by senders')?.get('0')).toMatchObject({ watermark: null })
  expect(leastOfAll([])).toBeUndefined()
})

test('a key where it does not belong is told', () => {
  const strange = tables()
  strange.all.get('count values')?.set('a', 1)
  const run = (): void => {
    for (const _step of redistribute(strange, [strange], { before: () => 3, here: () => true }));
  }
  expect(run).toThrow("'count values' has a key in partition 0 that belongs to 3")
})
