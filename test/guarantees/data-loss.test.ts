/**
 * What the source has lost is told, never jumped over: retention that was faster parks the partition with the lost range;
 * `onDataLoss: 'skip'` goes on and counts; a topic made anew is another topic.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const names = {
  fail: uniqueName('loss-fail'),
  skip: uniqueName('loss-skip'),
  anew: uniqueName('loss-anew'),
  live: uniqueName('loss-live'),
  gone: uniqueName('loss-gone'),
  fewer: uniqueName('loss-fewer'),
}
type Case = keyof typeof names
const cases = Object.keys(names) as Case[]
const outputs = {} as Record<Case, Output>
let topics: Topics
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  for (const one of cases) {
    outputs[one] = await Output.make()
    await topics.make(names[one], one === 'fewer' ? 2 : 1)
  }
  const pipelines = cases.map((one) =>
    definePipeline({
      name: names[one],
      sources: {
        numbers: kafkaSource({
          topic: names[one],
          value: json(z.object({ n: z.number() })),
          onDataLoss: one === 'skip' ? 'skip' : 'fail',
        }),
      },
      steps: ({ numbers: read }) => read.to('files', fileSink({ directory: outputs[one].directory, origin: true })),
      checkpoint: { interval: '500ms' },
    }),
  )
  rig = await Rig.start({ pipelines, plugin: { discoveryInterval: '1s' } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  for (const one of cases) await outputs[one].remove()
})

/** Runs to the end of what is there. */
async function readAll(one: Case): Promise<void> {
  await (await rig.begin(names[one], { until: 'latest' })).result()
}

async function deleteBefore(topic: string, offset: number): Promise<void> {
  const partitions = [{ partition: 0, offset: String(offset) }]
  await topics.administrate(async (admin) => {
    // Lets kafkajs know of the topic.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions })
  })
}

/** Deletes a topic and makes it again, with other records under the old offsets. */
async function makeAnew(topic: string, partitions: number): Promise<void> {
  await topics.delete(topic)
  // The name is free as soon as the controller has carried the deletion through.
  for (let tries = 0; ; tries++) {
    try {
      await topics.make(topic, partitions)
      break
    } catch (error) {
      if (tries > 50) throw error
      await sleep(200)
    }
  }
  await topics.send(topic, 0, numbers(20))
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

describe.concurrent('records that retention took before they were read', () => {
  it('park the partition, with the lost range named', { timeout: 120_000 }, async () => {
    const name = names.fail
    await topics.send(name, 0, numbers(10))
    await readAll('fail')
    await topics.send(name, 0, numbers(20, 10))
    await deleteBefore(name, 17)
    await rig.begin(name)
    const { tasks } = await rig.until(name, (status) => status.tasks[0]?.state === 'parked')
    expect(tasks[0]?.problem?.code).toBe('PositionLost')
    expect(tasks[0]?.problem?.message).toContain(
      'position 10 was deleted before it was read; lost 10 up to 17, left 17 up to 30',
    )
    expect(tasks[0]?.positions).toEqual({ numbers: '10' })
    await rig.pipelines.get(name).cancel()
    expect(await outputs.fail.positions(0)).toEqual(range(0, 10))
    // The way on that the message names.
    await (await rig.begin(name, { fresh: true, from: { offsets: { 0: '17' } }, until: 'latest' })).result()
    expect(await outputs.fail.positions(0, 2)).toEqual(range(17, 30))
  })

  it("are skipped and counted under onDataLoss: 'skip'", { timeout: 120_000 }, async () => {
    const name = names.skip
    await topics.send(name, 0, numbers(10))
    await readAll('skip')
    await topics.send(name, 0, numbers(20, 10))
    await deleteBefore(name, 17)
    await readAll('skip')
    expect(await outputs.skip.positions(0)).toEqual([...range(0, 10), ...range(17, 30)])
    expect((await rig.status(name)).counters).toEqual({ read: 23, written: 23, skipped: 7, deadLettered: 0 })
  })
})

describe.concurrent('a topic', () => {
  it('that was made anew between two runs is told from the old one', { timeout: 120_000 }, async () => {
    const name = names.anew
    await topics.send(name, 0, numbers(10))
    await readAll('anew')
    await makeAnew(name, 1)
    await rig.begin(name)
    const { tasks } = await rig.until(name, (status) => status.tasks[0]?.state === 'parked')
    expect(tasks[0]?.problem?.code).toBe('SourceChanged')
    expect(tasks[0]?.problem?.message).toContain('has changed at position 10')
    expect(tasks[0]?.problem?.next).toContain('start --fresh')
    await rig.pipelines.get(name).cancel()
    expect(await outputs.anew.positions(0)).toEqual(range(0, 10))
    await (await rig.begin(name, { fresh: true, from: 'earliest', until: 'latest' })).result()
    expect(await outputs.anew.positions(0, 2)).toEqual(range(0, 20))
  })

  it('that is made anew under a running pipeline parks it', { timeout: 120_000 }, async () => {
    const name = names.live
    await topics.send(name, 0, numbers(10))
    await rig.begin(name)
    await rig.until(name, (status) => Number(status.tasks[0]?.positions['numbers']) === 10)
    await makeAnew(name, 1)
    const { tasks } = await rig.until(name, (status) => status.tasks[0]?.state === 'parked')
    expect(['SourceChanged', 'PartitionsLost']).toContain(tasks[0]?.problem?.code)
    expect(tasks[0]?.positions).toEqual({ numbers: '10' })
    await rig.pipelines.get(name).cancel()
    expect(await outputs.live.positions(0)).toEqual(range(0, 10))
  })

  it('that is gone parks its partitions, and the pipeline says so', { timeout: 120_000 }, async () => {
    const name = names.gone
    await topics.send(name, 0, numbers(10))
    await rig.begin(name)
    await rig.until(name, (status) => Number(status.tasks[0]?.positions['numbers']) === 10)
    await topics.delete(name)
    const told = ({ tasks, problem }: { tasks: readonly { state: string }[]; problem: unknown }): boolean =>
      tasks[0]?.state === 'parked' && problem !== null
    const { tasks, problem } = await rig.until(name, told, { timeoutMs: 60_000 })
    expect(tasks[0]?.problem?.code).toBe('PartitionsLost')
    expect(tasks[0]?.problem?.message).toContain('it does not exist')
    expect(problem?.code).toBe('PartitionsLost')
    await rig.pipelines.get(name).cancel()
  })

  it('that is made anew with fewer partitions: the pipeline names both numbers', { timeout: 120_000 }, async () => {
    const name = names.fewer
    for (const partition of [0, 1]) await topics.send(name, partition, numbers(10))
    await rig.begin(name)
    const read = ({ tasks }: { tasks: readonly { positions: Readonly<Record<string, string>> }[] }): boolean =>
      tasks.length === 2 && tasks.every((task) => Number(task.positions['numbers']) === 10)
    await rig.until(name, read)
    await makeAnew(name, 1)
    const told = ({ tasks, problem }: { tasks: readonly { state: string }[]; problem: unknown }): boolean =>
      problem !== null && tasks.every((task) => task.state === 'parked')
    const { problem } = await rig.until(name, told, { timeoutMs: 60_000 })
    expect(problem?.code).toBe('PartitionsLost')
    expect(problem?.message).toContain('it has 1 partition, and had 2')
    await rig.pipelines.get(name).cancel()
    await outputs.fewer.expectNumbers([10, 10])
  })
})
