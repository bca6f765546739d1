/**
 * Workers of one queue that run different pipelines, as in a rolling deploy that adds one, stop nothing for good: what one
 * doesn't know is left to another that does.
 */
import { definePipeline, json, type Pipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import type { PipelineStatus } from '../../src/client/status.js'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const COUNT = 20
const names = [uniqueName('older'), uniqueName('newer')] as const
const outputs: Output[] = []
let topics: Topics
let older: Rig
let newer: Rig

beforeAll(async () => {
  topics = new Topics()
  const pipelines: Pipeline[] = []
  for (const name of names) {
    const output = await Output.make()
    outputs.push(output)
    await topics.make(name, 1)
    await topics.send(name, 0, numbers(COUNT))
    pipelines.push(
      definePipeline({
        name,
        sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
        steps: ({ numbers: read }) => read.to('files', fileSink({ directory: output.directory, origin: true })),
        checkpoint: { interval: '500ms' },
      }),
    )
  }
  const [first, second] = pipelines
  if (first === undefined || second === undefined) throw new Error('no pipelines')
  const taskQueue = uniqueName('shared-queue')
  older = await Rig.start({ pipelines: [first], plugin: { taskQueue } })
  newer = await Rig.start({ pipelines: [second], plugin: { taskQueue } })
})

afterAll(async () => {
  await older.close()
  await newer.close()
  await topics.close()
  for (const output of outputs) await output.remove()
})

const at = (count: number) => (status: PipelineStatus) => status.tasks[0]?.positions['numbers'] === String(count)

it('each start finds its worker; a lost worker is waited for, not parked for', { timeout: 180_000 }, async () => {
  for (const name of names) {
    await older.begin(name)
    await older.until(name, at(COUNT))
  }
  await older.stopWorker()
  await topics.send(names[0], 0, numbers(COUNT, COUNT))
  const told = ({ tasks: [task] }: PipelineStatus) => task?.waiting?.includes('PipelineNotFound') === true
  const { tasks } = await older.until(names[0], told, { for: 'the trouble to be told' })
  expect(tasks[0]).toMatchObject({ state: 'running', problem: null })
  await older.startWorker()
  await older.until(names[0], at(2 * COUNT), { timeoutMs: 90_000 })
  for (const name of names) await older.pipelines.get(name).drain()
  await outputs[0]?.expectNumbers([2 * COUNT])
  await outputs[1]?.expectNumbers([COUNT])
})
