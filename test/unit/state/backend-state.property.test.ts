import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StateMark } from '../../../src/protocol/checkpoint.js'
import { MANY, SLACK_BYTES } from '../../../src/state/segment-log.js'
import { MemoryStore } from './memory-store.js'
import { entriesAt, StoredTask } from './stored-task.js'

type Op =
  | { readonly kind: 'set'; readonly key: number; readonly value: number }
  | { readonly kind: 'delete'; readonly key: number }
  | { readonly kind: 'bad'; readonly key: number; readonly value: number | null }
  | { readonly kind: 'tend' | 'turn' | 'checkpoint' | 'restart' | 'fail' | 'mend' }

const key = fc.nat(5)
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('bad' as const), key, value: fc.option(fc.nat(9)) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('tend', 'turn', 'checkpoint', 'checkpoint', 'restart', 'fail', 'mend'),
    }),
  },
)

const PADDING = 'x'.repeat(300_000)

/** Values are large, so that few of them are worth an upload beside processing, and a log of several segments. */
const valueOf = (value: number): unknown => [value, PADDING]

test('what any checkpoint names restores to what the table was then, whatever happened before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(op, { maxLength: 120, size: 'max' }), async (ops) => {
      const store = new MemoryStore()
      let task = await StoredTask.open(store)
      let expected = new Map<string, unknown>()
      const recorded: { mark: StateMark; entries: Record<string, unknown> }[] = []
      for (const step of ops) {
        if (step.kind === 'set') {
          task.table.set(`${step.key}`, valueOf(step.value))
          expected.set(`${step.key}`, valueOf(step.value))
          task.states.journal.forget()
        } else if (step.kind === 'delete') {
          task.table.delete(`${step.key}`)
          expected.delete(`${step.key}`)
          task.states.journal.forget()
        } else if (step.kind === 'bad') {
          if (step.value === null) task.table.delete(`${step.key}`)
          else task.table.set(`${step.key}`, valueOf(step.value))
          task.table.set('both', 1)
          task.states.journal.rollback()
        } else if (step.kind === 'tend') task.keeper.tend()
        else if (step.kind === 'turn') await new Promise((resolve) => setImmediate(resolve))
        else if (step.kind === 'fail') store.failure = new Error('down')
        else if (step.kind === 'mend') store.failure = null
        else {
          store.failure = null
          if (step.kind === 'checkpoint') {
            recorded.push({ mark: await task.checkpoint(), entries: Object.fromEntries(expected) })
          } else {
            await task.keeper.close()
            task = await StoredTask.open(store, task.mark)
            expected = new Map(Object.entries(recorded.at(-1)?.entries ?? {}))
          }
        }
      }
      store.failure = null
      expect(task.entries).toEqual(Object.fromEntries(expected))
      // Nothing was deleted yet: every checkpoint there ever was can be restored.
      for (const { mark, entries } of recorded) expect(await entriesAt(store, mark)).toEqual(entries)
      await task.keeper.close()
    }),
    { numRuns: 100 },
  )
}, 400_000)

test.each([
  ['everywhere', (n: number) => n % 2_000],
  ['in a tenth of them', (n: number) => (n % 10 === 0 ? n % 2_000 : n % 200)],
])(
  'the log is at most twice as large as what lives, and some: changes %s',
  async (_, keyOf) => {
    const store = new MemoryStore()
    const task = await StoredTask.open(store)
    let n = 0
    const noise = (): string => Array.from({ length: 100 }, () => Math.random().toString(36).slice(2, 10)).join('')
    for (let i = 0; i < 2_000; i++) task.table.set(`${i}`, noise())
    await task.checkpoint()
    const live = store.putBytes
    let most = 0
    let largest = 0
    let user = 0
    for (let checkpoint = 0; checkpoint < 300; checkpoint++) {
      for (let i = 0; i < 100; i++, n++) task.table.set(`${keyOf(n * 7919)}`, noise())
      user += task.states.changeCount
      task.states.journal.forget()
      await task.checkpoint()
      largest = Math.max(largest, ...task.log.segments.map(({ bytes }) => bytes))
      most = Math.max(most, task.log.bytes)
    }
    // The oldest goes as a whole.
    expect(most).toBeLessThan(2 * live + SLACK_BYTES + largest)
    expect(task.mark.segments.reduce((sum, segment) => sum + ('bytes' in segment ? segment.bytes : 0), 0)).toBe(
      task.log.bytes,
    )
    // What cleaning adds to what has changed by itself is no more than that again.
    expect(store.putBytes - live).toBeLessThan((2.2 * user * live) / 2_000)
    expect(await entriesAt(store, task.mark)).toEqual(task.entries)
  },
  60_000,
)

test('of many small checkpoints of a large state, few segments are left to name', async () => {
  const store = new MemoryStore()
  const task = await StoredTask.open(store)
  for (let i = 0; i < 20_000; i++) task.table.set(`${i}`, i)
  await task.checkpoint()
  let most = 0
  for (let i = 0; i < 1_500; i++) {
    task.table.set(`${i % 3}`, i)
    task.states.journal.forget()
    most = Math.max(most, (await task.checkpoint()).segments.length)
  }
  expect(most).toBeLessThan(2 * MANY)
  expect(await entriesAt(store, task.mark)).toEqual(task.entries)
}, 300_000)

test('what is gone takes no room', async () => {
  const store = new MemoryStore()
  const task = await StoredTask.open(store)
  for (let i = 0; i < 1_000; i++) task.table.set(`${i}`, i)
  await task.checkpoint()
  for (let i = 0; i < 1_000; i++) task.table.delete(`${i}`)
  await task.checkpoint()
  task.table.set('last', 1)
  await task.checkpoint()
  expect(task.mark.segments).toHaveLength(1)
  expect(await entriesAt(store, task.mark)).toEqual({ last: 1 })
})
