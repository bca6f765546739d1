import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keepCheckpoint } from '../../../src/control/keep-checkpoint.js'
import type { Rewind } from '../../../src/protocol/pipeline.js'
import type { Task } from '../engine/task.js'
import { type Click, expected, textOf, TwoStages } from './two-stages.js'

const { signal } = new AbortController()
const to: Rewind = { to: { savepoint: 'here' }, stage: null, partition: null }

/** Clicks in two partitions, in the order of time. */
const clicks = fc
  .array(fc.record({ user: fc.constantFrom('ann', 'bob', 'cy', 'dee', 'eve', 'fay'), step: fc.nat(600) }), {
    maxLength: 40,
  })
  .map((steps) => {
    let at = 0
    return steps.map(({ user, step }): Click => ({ user, at: (at += step) }))
  })

describe('a pipeline of two stages, stopped stage by stage with a savepoint', () => {
  test(
    'goes on from it as if it had never stopped: in topics of their own, whatever came meanwhile',
    { timeout: 120_000 },
    async () => {
      const runs = fc.record({ left: clicks, right: clicks, first: fc.nat(40), again: fc.boolean() })
      await fc.assert(
        fc.asyncProperty(runs, async ({ left, right, first, again }) => {
          const world = new TwoStages({ inputs: 2, partitions: 3 })
          world.input[0]?.push(...left)
          world.input[1]?.push(...right)
          const tasks = await world.start()
          await world.stop(tasks, true, (task) => Math.min(first, world.endOf(task)))
          await world.save('here', tasks)
          const before = world.results.map(textOf)
          if (again) {
            // It went on once already: what came of that is of another timeline.
            const others = await world.start()
            await world.stop(others, false)
          }
          const kept = world.results.length
          const restored = await world.start({ rewind: to })
          for (const { state } of restored) {
            expect(state.channel).toBeDefined()
            if (state.stage === 'by-user') expect(state.checkpoint.positions).toEqual({ 'by-user': '0' })
          }
          await world.stop(restored, false)
          const after = world.results.slice(kept).map(textOf)
          expect([...before, ...after].toSorted()).toEqual(expected(world.input))
          expect(world.topics.size).toBe(2)
          await world.close()
        }),
        { numRuns: 15 },
      )
    },
  )

  test('is started again like any other: where it stopped, in the topics that it has', async () => {
    const world = new TwoStages({ inputs: 1, partitions: 2 })
    world.input[0]?.push({ user: 'ann', at: 1 }, { user: 'bob', at: 2 }, { user: 'ann', at: 3 })
    const tasks = await world.start()
    await world.stop(tasks, true, () => 2)
    await world.save('here', tasks)
    const restored = await world.start({ rewind: to })
    await world.stop(restored, true, () => 3)
    world.input[0]?.push({ user: 'ann', at: 5_000 })
    const again = await world.start()
    expect(again.map(({ state }) => state.channel)).toEqual(restored.map(({ state }) => state.channel))
    expect(again.every(({ state }) => state.stops === undefined)).toBe(true)
    await world.stop(again, false)
    expect(world.results.map(textOf).toSorted()).toEqual(expected(world.input))
    await world.close()
  })
})

describe('a rewind that was interrupted before all its tasks had begun', () => {
  const interrupted = async (hadBegun: (task: Task, i: number) => boolean) => {
    const world = new TwoStages({ inputs: 2, partitions: 2 })
    for (const [i, user] of ['ann', 'bob', 'cy', 'dee'].entries()) world.input[i % 2]?.push({ user, at: i })
    const tasks = await world.start()
    await world.stop(tasks, true)
    await world.save('here', tasks)
    for (const [i, user] of ['cy', 'dee', 'ann', 'bob'].entries()) world.input[i % 2]?.push({ user, at: i + 10 })
    const restored = await world.start({ rewind: to })
    for (const task of restored) await task.lose()
    world.begun(restored.filter(hadBegun))
    return world
  }

  test.each([
    ['the first stage has', (task: Task) => task.state.stage === 'main', 'by-user/0 has the first topics'],
    ['the second stage has', (task: Task) => task.state.stage === 'by-user', 'by-user/0 has topics'],
    ['all but one task have', (_: Task, i: number) => i < 3, 'by-user/1 has the first topics'],
    ['only the last task has', (_: Task, i: number) => i === 3, 'by-user/1 has topics'],
  ])('%s: a plain start is refused, and says what to do', async (_, hadBegun, where) => {
    const world = await interrupted(hadBegun)
    const refused = world.start()
    await expect(refused).rejects.toMatchObject({ code: 'InvalidCommand' })
    await expect(refused).rejects.toThrow(where)
    await expect(refused).rejects.toThrow('Go back to the savepoint again (tidemark rewind clicks --to LABEL)')
    await world.stop(await world.start({ rewind: to }), false)
    expect(world.results.map(textOf).toSorted()).toEqual(expected(world.input))
    await world.close()
  })

  test('of all of them goes on where they stand; a fresh start does not ask where that was', async () => {
    const all = await interrupted(() => true)
    const again = await all.start()
    expect(again.map(({ state }) => state.channel)).toEqual(again.map(() => '00003'))
    await all.stop(again, false)
    expect(all.results.map(textOf).toSorted()).toEqual(expected(all.input))
    const one = await interrupted((_, i) => i === 3)
    const fresh = await one.start({ fresh: true })
    expect(new Set(fresh.map(({ state }) => state.channel)).size).toBe(1)
    for (const world of [all, one]) await world.close()
  })
})

describe('what is no moment of all stages is not kept:', () => {
  const begin = async () => {
    const world = new TwoStages({ inputs: 1, partitions: 1 })
    world.input[0]?.push({ user: 'ann', at: 1 }, { user: 'bob', at: 2 })
    return { world, tasks: await world.start() }
  }
  const keep = (world: TwoStages, atRest: string | null = world.run.runId) =>
    keepCheckpoint(
      world.context,
      { pipeline: 'clicks', label: 'here', stage: 'by-user', partition: 0, atRest },
      'run',
      signal,
    )

  test('a second stage that has not read all of the first', async () => {
    const { world, tasks } = await begin()
    await world.stop(tasks, true)
    world.topics
      .get('by-user/')?.[0]
      ?.push({ key: Buffer.from('x'), value: Buffer.from('1'), timestamp: 1, sender: undefined })
    await expect(keep(world)).rejects.toMatchObject({ code: 'NotAligned', message: expect.stringContaining('up to 2') })
    await world.close()
  })

  test('an epoch that is not done, a task that was cancelled, a pipeline that runs or has run again', async () => {
    const { world, tasks } = await begin()
    await world.stop(tasks, true)
    const id = 'tidemark/clicks/by-user/0'
    const state = world.ended.get(id)
    if (state === undefined) throw new Error('no task')
    await expect(keep(world)).resolves.toMatchObject({ stage: 'by-user' })
    world.ended.set(id, { ...state, scheduled: { epoch: 9, time: 1, seed: '' } })
    await expect(keep(world)).rejects.toThrow('an epoch of it is not done')
    world.ended.set(id, { ...state, phase: 'cancelled' })
    await expect(keep(world)).rejects.toThrow('it is cancelled')
    world.ended.set(id, state)
    await expect(keep(world, 'run-00000')).rejects.toThrow('the pipeline runs')
    world.run = { ...world.run, status: 'RUNNING' }
    await expect(keep(world)).rejects.toThrow('the pipeline runs')
    await world.close()
  })

  test('nor gone back to: neither an epoch, nor one stage or partition of a savepoint', async () => {
    const { world, tasks } = await begin()
    await world.stop(tasks, true)
    await world.save('here', tasks)
    for (const rewind of [
      { ...to, to: { epoch: 1, generation: null } },
      { ...to, partition: 0 },
      { ...to, stage: 'main' },
    ])
      await expect(world.start({ rewind })).rejects.toMatchObject({ code: 'InvalidCommand' })
    await world.close()
  })
})
