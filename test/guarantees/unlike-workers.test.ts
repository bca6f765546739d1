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
import { blueprintOf, pipelineOf } from '../../src/definition/blueprint-of.js'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const COUNT = 20
const names = [uniqueName('older'), uniqueName('newer')] as const
const both = uniqueName('both')
const outputs: Output[] = []
let topics: Topics
let older: Rig
let newer: Rig

beforeAll(async () => {
  topics = new Topics()
  const pipelines: Pipeline[] = []
  for (const name of [...names, both]) {
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
  const [first, second, third] = pipelines
  if (first === undefined || second === undefined || third === undefined) throw new Error('no pipelines')
  const taskQueue = uniqueName('shared-queue')
  older = await Rig.start({ pipelines: [first, third], plugin: { taskQueue } })
  newer = await Rig.start({ pipelines: [second, withStage(third, 'renamed')], plugin: { taskQueue } })
})

afterAll(async () => {
  await older.close()
  await newer.close()
  await topics.close()
  for (const output of outputs) await output.remove()
})

/** As a deploy that renames the pipeline's stage has it. */
function withStage(pipeline: Pipeline, id: string): Pipeline {
  const blueprint = blueprintOf(pipeline)
  return pipelineOf({ ...blueprint, stages: blueprint.stages.map((stage) => ({ ...stage, id })) })
}

const at = (count: number) => (status: PipelineStatus) => status.tasks[0]?.positions['numbers'] === String(count)

it('a stage that one worker knows under another name waits for one that has it', { timeout: 480_000 }, async () => {
  await newer.stopWorker()
  await older.begin(both)
  await older.until(both, at(COUNT))
  await newer.startWorker()
  await older.stopWorker()
  await topics.send(both, 0, numbers(COUNT, COUNT))
  const told = ({ tasks: [task] }: PipelineStatus) => task?.waiting?.includes("has no stage 'main'") === true
  const { tasks } = await older.until(both, told, { for: 'the trouble to be told', timeoutMs: 90_000 })
  expect(tasks[0]).toMatchObject({ state: 'running', problem: null })
  await older.startWorker()
  await older.until(both, at(2 * COUNT), { timeoutMs: 90_000 })
  await older.pipelines.get(both).drain()
  await outputs[2]?.expectNumbers([2 * COUNT])
})

it('each start finds its worker; a lost worker is waited for, not parked for', { timeout: 480_000 }, async () => {
  for (const name of names) {
    await older.begin(name)
    // Whoever doesn't know it may take it up several times in a row, with longer and longer pauses.
    await older.until(name, at(COUNT), { timeoutMs: 120_000 })
  }
  await older.stopWorker()
  await topics.send(names[0], 0, numbers(COUNT, COUNT))
  const told = ({ tasks: [task] }: PipelineStatus) => task?.waiting?.includes('PipelineNotFound') === true
  const { tasks } = await older.until(names[0], told, { for: 'the trouble to be told', timeoutMs: 90_000 })
  expect(tasks[0]).toMatchObject({ state: 'running', problem: null })
  await older.startWorker()
  await older.until(names[0], at(2 * COUNT), { timeoutMs: 90_000 })
  for (const name of names) await older.pipelines.get(name).drain()
  await outputs[0]?.expectNumbers([2 * COUNT])
  await outputs[1]?.expectNumbers([COUNT])
})
