import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import type { Rewind } from '../../../src/protocol/pipeline.js'
import { MemoryStore } from '../state/memory-store.js'
import type { Task } from '../engine/task.js'
import { type Click, expected, textOf, TwoStages } from './two-stages.js'

const goTo = (savepoint: string): { readonly rewind: Rewind } => ({
  rewind: { to: { savepoint }, stage: null, partition: null },
})

const users = ['ann', 'bob', 'cy', 'dee', 'eve', 'fay', 'gus', 'hal', 'ivy']
const clicks = fc
  .array(fc.record({ user: fc.constantFrom(...users), step: fc.nat(500) }), { maxLength: 40 })
  .map((steps) => {
    let at = 0
    return steps.map(({ user, step }): Click => ({ user, at: (at += step) }))
  })

const worlds: TwoStages[] = []
function world(inputs: number, partitions: number, backend?: StateBackend): TwoStages {
  const made = new TwoStages({ inputs, partitions, ...(backend !== undefined && { backend }) })
  worlds.push(made)
  return made
}
afterEach(async () => {
  for (const one of worlds.splice(0)) await one.close()
})

function memoryBackend(): StateBackend {
  const stores = new Map<string, MemoryStore>()
  return {
    kind: 'memory',
    describe: 'maps',
    retainMs: 1_000,
    async open({ pipeline, stage, partition }) {
      const place = `${pipeline}/${stage}/${partition}`
      const store = stores.get(place) ?? new MemoryStore()
      stores.set(place, store)
      return store
    },
  }
}

describe('another number of partitions between two stages', () => {
  test.each([['in history', undefined] as const, ['in a backend', memoryBackend] as const])(
    'gives what one run without a stop would have given, state %s',
    { timeout: 120_000 },
    async (_, backend) => {
      const count = fc.integer({ min: 1, max: 5 })
      const runs = fc.record({ left: clicks, right: clicks, counts: fc.tuple(count, count, count), cut: fc.nat(80) })
      await fc.assert(
        fc.asyncProperty(runs, async ({ left, right, counts: [first, second, third], cut }) => {
          const one = world(2, first, backend?.())
          one.input[0]?.push(...left)
          one.input[1]?.push(...right)
          const upTo = (part: number) => (task: Task) => Math.min(Math.floor(cut / part), one.endOf(task))
          const begun = await one.start()
          await one.stop(begun, true, upTo(2))
          await one.save('a', begun)
          one.ask(second)
          const more = await one.start(goTo('a'))
          expect(more.filter(({ state }) => state.stage === 'by-user')).toHaveLength(second)
          await one.stop(more, true, upTo(1))
          await one.save('b', more)
          one.ask(third)
          await one.stop(await one.start(goTo('b')), false)
          expect(one.results.map(textOf).toSorted()).toEqual(expected(one.input))
          await one.close()
        }),
        { numRuns: 10 },
      )
    },
  )

  test.each([['in history', undefined] as const, ['in a backend', memoryBackend] as const])(
    'is what a fork may have: another pipeline goes on beside the first, state %s',
    async (_, made) => {
      const backend = made?.()
      const one = world(2, 2, backend)
      const half = (user: string, i: number) => ({ user, at: i * 400 })
      for (const records of one.input) records.push(...users.map(half))
      const tasks = await one.start()
      await one.stop(tasks, true)
      await one.save('a', tasks)
      for (const records of one.input) records.push(...users.map((user, i) => half(user, i + users.length)))
      const fork = new TwoStages({ inputs: 2, partitions: 5, name: 'copy', of: one, ...(backend && { backend }) })
      worlds.push(fork)
      const { rewind } = goTo('a')
      const copies = await fork.start({ rewind: { ...rewind, of: 'clicks' } })
      expect(copies.map(({ state }) => state.generation)).toEqual(copies.map(() => 1))
      await fork.stop(copies, false)
      const before = one.results.map(textOf)
      await one.stop(await one.start(), false)
      for (const after of [fork.results, one.results.slice(before.length)])
        expect([...before, ...after.map(textOf)].toSorted()).toEqual(expected(one.input))
    },
  )

  test('fences the tasks that there are no more', async () => {
    const one = world(1, 3)
    one.input[0]?.push(...users.map((user, i) => ({ user, at: i })))
    const tasks = await one.start()
    await one.stop(tasks, true)
    await one.save('a', tasks)
    const gone = tasks.find(({ state }) => state.stage === 'by-user' && state.partition === 2)
    if (gone === undefined) throw new Error('no such task')
    // A worker that is thought dead, and has its old topic before it.
    await gone.claim()
    one.ask(1)
    await one.start(goTo('a'))
    const record = one.topics.get('by-user/')?.[2]?.[0]
    if (record === undefined) throw new Error('nothing came to partition 2')
    one.topics.get('by-user/')?.[2]?.push(record)
    const before = one.results.length
    const epoch = gone.epoch({ until: { 'by-user': String(one.topics.get('by-user/')?.[2]?.length) }, stops: true })
    await expect(epoch).rejects.toMatchObject({ code: 'GenerationFenced' })
    expect(one.results).toHaveLength(before)
  })

  test('that is too much for history is refused before anybody is fenced', async () => {
    const one = world(1, 4)
    one.limit = 2_048
    // Keys that don't compress.
    const many = Array.from({ length: 150 }, (_, i) => ({ user: Math.sin(i).toString(36).slice(3), at: i }))
    one.input[0]?.push(...many)
    const tasks = await one.start()
    await one.stop(tasks, true)
    await one.save('a', tasks)
    one.ask(1)
    const receipts = one.receipts
    await expect(one.start(goTo('a'))).rejects.toMatchObject({ code: 'StateTooLarge' })
    expect(one.receipts).toBe(receipts)
  })
})
