/** A start goes on from the last checkpoint, however the run before it ended: nothing is lost, nothing is done twice. */
import { definePipeline, json, type Pipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { TaskState } from '../../src/protocol/task.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const PARTITIONS = 2

/** Commits often and checkpoints rarely: whenever a run ends by force, its ledgers are ahead of its history. */
function numbersTo(name: string, directory: string): Pipeline {
  return definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) => read.map('same', (value) => value).to('files', fileSink({ directory, origin: true })),
    commit: { interval: '100ms' },
    checkpoint: { interval: '5s' },
  })
}

const cases = ['drain', 'completion', 'termination', 'cancellation', 'lost-task', 'paused-task', 'orphans'] as const
type Case = (typeof cases)[number]
const names = Object.fromEntries(cases.map((end) => [end, uniqueName(`again-${end}`)])) as Record<Case, string>
const outputs = {} as Record<Case, Output>
let topics: Topics
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  for (const end of cases) {
    outputs[end] = await Output.make()
    await topics.make(names[end], PARTITIONS)
  }
  const pipelines = cases.map((end) => numbersTo(names[end], outputs[end].directory))
  rig = await Rig.start({ pipelines, plugin: { discoveryInterval: '1s', idleInterval: '1s' } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  for (const end of cases) await outputs[end].remove()
})

const taskOf = (name: string, partition: number): string => `tidemark/${name}/main/${partition}`

/** How many records a partition has in committed files. */
async function written(end: Case, partition: number): Promise<number> {
  return (await outputs[end].positions(partition)).length
}

/** Waits until every partition, or some, has that many more records in committed files. */
async function progress(end: Case, more: number, partitions: readonly number[] = [0, 1]): Promise<void> {
  for (const partition of partitions) {
    const before = await written(end, partition)
    const look = async (): Promise<boolean> => (await written(end, partition)) >= before + more
    await waitUntil(look, { for: `${more} more records of partition ${partition}`, every: 100, timeoutMs: 45_000 })
  }
}

/** Waits for another run of a task than the present one. */
async function restartOf(workflowId: string): Promise<() => Promise<void>> {
  const task = rig.client.workflow.getHandle(workflowId)
  const { runId } = await task.describe()
  const look = async (): Promise<boolean> => {
    const now = await task.describe()
    return now.status.name === 'RUNNING' && now.runId !== runId
  }
  return async () => void (await waitUntil(look, { for: 'discovery to start it again', every: 200 }))
}

/** Ends the pipeline for good and judges all that was ever written. */
async function finish(end: Case, count: number): Promise<void> {
  const name = names[end]
  const done = ({ tasks }: { readonly tasks: readonly { readonly positions: Readonly<Record<string, string>> }[] }) =>
    tasks.length === PARTITIONS && tasks.every((task) => Number(task.positions['numbers']) >= count)
  await rig.until(name, done, { for: `${name} to be at ${count}` })
  await rig.pipelines.get(name).drain()
  await outputs[end].expectNumbers([count, count])
}

describe.concurrent('goes on', () => {
  it('after a drain', { timeout: 400_000 }, async () => {
    const name = names.drain
    const flow = topics.flow(name, PARTITIONS)
    const first = await rig.begin(name)
    await progress('drain', 100)
    await first.drain()
    expect((await rig.status(name)).state).toBe('completed')
    await rig.begin(name)
    await progress('drain', 100)
    const { incarnation, tasks } = await rig.status(name)
    expect(incarnation).toBe(2)
    expect(tasks.map((task) => task.generation)).toEqual([1, 1])
    await finish('drain', await flow.stop())
  })

  it('after a bounded run that has completed', { timeout: 400_000 }, async () => {
    const name = names.completion
    for (const [count, first] of [
      [300, 0],
      [0, 300],
      [200, 300],
    ] as const) {
      const more = numbers(count, first)
      if (more.length > 0) for (let p = 0; p < PARTITIONS; p++) await topics.send(name, p, more)
      const { counters } = await (await rig.begin(name, { until: 'latest' })).result()
      expect(counters.read).toBe(PARTITIONS * (count + first))
      await outputs.completion.expectNumbers([count + first, count + first])
    }
  })

  it('after its workflow was terminated, from where its ledgers are', { timeout: 400_000 }, async () => {
    const name = names.termination
    const flow = topics.flow(name, PARTITIONS)
    await rig.begin(name)
    await rig.until(name, ({ tasks }) => tasks.length === PARTITIONS && tasks.every((task) => task.epoch >= 1))
    for (let times = 0; times < 2; times++) {
      await progress('termination', 150)
      await rig.terminate(`tidemark/${name}`)
      expect((await rig.status(name)).state).toBe('terminated')
      await rig.begin(name)
      await rig.until(name, ({ state, incarnation }) => state === 'running' && incarnation === times + 2)
    }
    await progress('termination', 150)
    await finish('termination', await flow.stop())
  })

  it('after a cancellation', { timeout: 400_000 }, async () => {
    const name = names.cancellation
    const flow = topics.flow(name, PARTITIONS)
    const first = await rig.begin(name)
    await progress('cancellation', 100)
    await first.cancel()
    const cancelled = await rig.status(name)
    expect(cancelled.state).toBe('cancelled')
    expect(cancelled.tasks.map((task) => task.state)).toEqual(['cancelled', 'cancelled'])
    await rig.begin(name)
    await progress('cancellation', 100)
    await finish('cancellation', await flow.stop())
  })

  it('with a task that was terminated in mid-epoch: discovery starts it again', { timeout: 400_000 }, async () => {
    const name = names['lost-task']
    const flow = topics.flow(name, PARTITIONS)
    await rig.begin(name)
    await rig.until(name, ({ tasks }) => tasks.length === PARTITIONS && tasks.every((task) => task.epoch >= 1))
    await progress('lost-task', 200)
    // Behind a checkpoint, with seconds to go to the next.
    const { tasks: now } = await rig.status(name)
    await rig.until(name, ({ tasks }) => (tasks[1]?.epoch ?? 0) > (now[1]?.epoch ?? Infinity), { every: 50 })
    await progress('lost-task', 20, [1])
    const { runId } = await rig.client.workflow.getHandle(taskOf(name, 1)).describe()
    const restarted = await restartOf(taskOf(name, 1))
    await rig.terminate(taskOf(name, 1))
    const ahead = await written('lost-task', 1)
    // Of the run that was terminated: discovery may have begun another by now.
    const { checkpoint } = await rig.client.workflow.getHandle(taskOf(name, 1), runId).query<TaskState>('tidemark.task')
    expect(ahead, 'the ledger is ahead of history').toBeGreaterThan(Number(checkpoint.positions['numbers']))
    await restarted()
    await progress('lost-task', 200)
    const { incarnation, tasks } = await rig.status(name)
    expect(incarnation, 'the pipeline itself was not started again').toBe(1)
    expect(tasks.map((task) => [task.state, task.generation])).toEqual([
      ['running', 1],
      ['running', 1],
    ])
    await finish('lost-task', await flow.stop())
  })

  it('with a task that was terminated while it was paused: it is paused still', { timeout: 400_000 }, async () => {
    const name = names['paused-task']
    const flow = topics.flow(name, PARTITIONS)
    const handle = await rig.begin(name)
    await progress('paused-task', 50)
    await handle.pause({ partition: 1, reason: 'until it is looked into' })
    const before = await written('paused-task', 1)
    const restarted = await restartOf(taskOf(name, 1))
    await rig.terminate(taskOf(name, 1))
    await restarted()
    await progress('paused-task', 200, [0])
    expect((await rig.status(name)).tasks[1]).toMatchObject({
      state: 'paused',
      paused: { reason: 'until it is looked into' },
    })
    expect(await written('paused-task', 1)).toBe(before)
    await handle.resume({ partition: 1 })
    await finish('paused-task', await flow.stop())
  })

  it('and until then, a terminated pipeline’s tasks stop by themselves', { timeout: 400_000 }, async () => {
    const name = names.orphans
    const flow = topics.flow(name, PARTITIONS)
    await rig.begin(name)
    await progress('orphans', 50)
    await rig.terminate(`tidemark/${name}`)
    const stopped = await rig.until(
      name,
      ({ tasks }) => tasks.length === PARTITIONS && tasks.every((task) => task.state === 'stopped'),
    )
    for (const { workflowId } of stopped.tasks) {
      expect(await rig.endOf(workflowId)).toBe('COMPLETED')
    }
    // At a checkpoint: all that is written is recorded.
    const recorded = stopped.tasks.map((task) => Number(task.positions['numbers']))
    expect([await written('orphans', 0), await written('orphans', 1)]).toEqual(recorded)
    await rig.begin(name)
    await finish('orphans', await flow.stop())
  })
})
