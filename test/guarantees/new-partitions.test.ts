/** Partitions added to the topic later are discovered, and read from their very first record. */
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const COUNT = 40
const names = { running: uniqueName('grows'), paused: uniqueName('grows-paused'), bounded: uniqueName('grows-bounded') }
type Case = keyof typeof names
const cases = Object.keys(names) as Case[]
const outputs = {} as Record<Case, Output>
let topics: Topics
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  for (const one of cases) {
    outputs[one] = await Output.make()
    await topics.make(names[one], 1)
    await topics.send(names[one], 0, numbers(COUNT))
  }
  const pipelines = cases.map((one) =>
    definePipeline({
      name: names[one],
      // What is there before the start is not asked for; what comes later in new partitions is.
      sources: {
        numbers: kafkaSource({ topic: names[one], value: json(z.object({ n: z.number() })), startAt: 'latest' }),
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

/** Adds partitions 1 and 2, and fills them at once. */
async function grow(topic: string): Promise<void> {
  await topics.grow(topic, 3)
  for (const partition of [1, 2]) await topics.send(topic, partition, numbers(COUNT))
}

type Tasks = { readonly tasks: readonly { readonly positions: Readonly<Record<string, string>> }[] }
const grown = ({ tasks }: Tasks): boolean =>
  tasks.length === 3 && tasks.slice(1).every((task) => Number(task.positions['numbers']) === COUNT)

describe.concurrent('a partition that is added', () => {
  it('is found and read from its first record on', { timeout: 300_000 }, async () => {
    const name = names.running
    await rig.begin(name)
    await rig.until(name, ({ tasks }) => tasks.length === 1 && tasks[0]?.worker !== null)
    await grow(name)
    const { tasks } = await rig.until(name, grown)
    expect(tasks[0]?.positions, 'the first partition began at its end').toEqual({ numbers: String(COUNT) })
    await rig.pipelines.get(name).drain()
    await outputs.running.expectNumbers([0, COUNT, COUNT])
    // The next start knows it.
    for (const partition of [0, 1, 2]) await topics.send(name, partition, numbers(1, COUNT))
    await (await rig.begin(name, { until: 'latest' })).result()
    expect(await outputs.running.positions(0)).toEqual([COUNT])
    for (const partition of [1, 2]) expect(await outputs.running.positions(partition)).toHaveLength(COUNT + 1)
  })

  it('waits with the others where the pipeline is paused', { timeout: 300_000 }, async () => {
    const name = names.paused
    const handle = await rig.begin(name)
    await handle.pause({ reason: 'until the topic has grown' })
    await grow(name)
    const { tasks } = await rig.until(
      name,
      (status) => status.tasks.length === 3 && status.tasks.every((task) => task.state === 'paused'),
      { for: 'three paused tasks' },
    )
    // The first may have had an epoch before it was told.
    expect(tasks.slice(1).map((task) => task.epoch)).toEqual([0, 0])
    expect(await outputs.paused.files()).toEqual([])
    expect(tasks.map((task) => task.positions)).toEqual([String(COUNT), '0', '0'].map((at) => ({ numbers: at })))
    await handle.resume()
    await rig.until(name, grown)
    await handle.cancel()
    await outputs.paused.expectNumbers([0, COUNT, COUNT])
  })

  it("is the next run's where this one is bounded", { timeout: 300_000 }, async () => {
    const name = names.bounded
    const run = await rig.begin(name, { until: 'latest', fresh: true, from: 'earliest' })
    await run.pause({ reason: 'until the topic has grown' }).catch(() => undefined)
    await grow(name)
    // Discovery looks every second.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    await run.resume().catch(() => undefined)
    await run.result()
    expect((await rig.status(name)).tasks).toHaveLength(1)
    await outputs.bounded.expectNumbers([COUNT])
    await (await rig.begin(name, { until: 'latest' })).result()
    expect((await rig.status(name)).tasks).toHaveLength(3)
  })
})
