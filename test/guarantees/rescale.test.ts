import { afterAll, beforeAll, expect, it } from 'vitest'

import { PipelineClient } from '../../src/client/pipeline-client.js'
import type { RescaleSettings } from '../fixtures/rescale-worker.js'
import type { TaskStanding } from '../setup/scene/scene.js'
import { WorkerCrew } from '../setup/scene/worker-crew.js'
import { brokers } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { flightsOf, judgeArrivals, rowsOf } from './arrivals.js'
import { Topics } from './topics.js'

/**
 * The promise: a pipeline of two stages that is stopped with a savepoint goes on from it with another number of partitions
 * between its stages as if it had never stopped: state is where its keys are, windows that were open are whole, and every
 * output is there once. So does another pipeline that is forked from there. Judged by what the input topic and Kafka's own
 * Java client say, counted anew.
 */

const PARTITIONS = 2
/** Of a stopped pipeline: before it stops, and after. */
const HALF = 450
const STAGES = { main: PARTITIONS, 'by-destination': 3 }
const pipeline = uniqueName('rescaled')
const fork = uniqueName('forked')
const taskQueue = uniqueName('rescale')
const workflowId = `tidemark/${pipeline}`
const tasksOf = (name: string) =>
  Object.entries(STAGES).flatMap(([stage, count]) =>
    Array.from({ length: count }, (_, partition) => `tidemark/${name}/${stage}/${partition}`),
  )
const taskIds = tasksOf(pipeline)
let crew: WorkerCrew<RescaleSettings>
let topics: Topics
let input: string
let output: string

beforeAll(async () => {
  crew = await WorkerCrew.gather('rescale-worker')
  topics = new Topics()
  input = await topics.make(uniqueName('flights'), PARTITIONS)
  output = await topics.make(uniqueName('arrivals'), 1)
  await fill(0, HALF)
})

/** So many flights into each partition, those before `from` left out. */
async function fill(from: number, to: number): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await topics.produce({ topic: input, messages: flightsOf(partition, 2 * HALF, from, to) })
  }
}

afterAll(async () => {
  await crew.close([workflowId, `${workflowId}/savepoint/half`, ...taskIds, `tidemark/${fork}`, ...tasksOf(fork)])
  for (const name of [pipeline, fork]) await topics.deleteChannels(name)
  await topics.close()
})

type Defined = Pick<RescaleSettings, 'pipeline' | 'output' | 'taskQueue'>

const addWorker = (partitions: number, defined: Defined = { pipeline, output, taskQueue }) =>
  crew.add({ brokers: brokers(), topic: input, partitions, heartbeatTimeout: '2s', ...defined })

const epochOf = async (id: string): Promise<number> =>
  (await crew.client.workflow.getHandle(id).query<TaskStanding>('tidemark.task')).checkpoint.epoch

const WAIT = { timeoutMs: 60_000, every: 50 }

it('goes on from a savepoint with fewer partitions as if it had never stopped', { timeout: 300_000 }, async () => {
  const pipelines = new PipelineClient(crew.client)
  const handle = pipelines.get(pipeline)
  const before = await addWorker(STAGES['by-destination'])
  await pipelines.start(pipeline, { taskQueue })
  for (const id of taskIds)
    await crew.until(`a checkpoint of ${id}`, async () => (await epochOf(id).catch(() => 0)) > 0, WAIT)
  await expect(handle.savepoint('half')).rejects.toMatchObject({ code: 'InvalidCommand' })
  const saved = await handle.savepoint('half', { stop: true })
  expect(saved.tasks).toHaveLength(5)
  await expect(handle.savepoint('half')).rejects.toMatchObject({ code: 'SavepointExists' })
  await before.end()
  const written = await rowsOf(output)
  await fill(HALF, 2 * HALF)

  await addWorker(2)
  await expect(pipelines.start(pipeline, { taskQueue }).then((run) => run.result())).rejects.toMatchObject({
    code: 'PartitionCountMismatch',
  })
  const run = await pipelines.rewind(pipeline, { to: { savepoint: 'half' }, until: 'latest' })
  expect(await run.result()).toMatchObject({ state: 'completed' })
  await judgeArrivals(input, output)
  expect((await handle.status()).tasks.map(({ stage, partition }) => `${stage}/${partition}`)).toEqual([
    'by-destination/0',
    'by-destination/1',
    'main/0',
    'main/1',
  ])

  const forked = { pipeline: fork, output: await topics.make(uniqueName('forked-arrivals'), 1), taskQueue: fork }
  await addWorker(2, forked)
  const from = { savepoint: 'half' }
  const other = await pipelines.fork(pipeline, fork, { from, until: 'latest', taskQueue: fork })
  expect(await other.result()).toMatchObject({ state: 'completed' })
  await judgeArrivals(input, forked.output, written)

  const isListed = async (): Promise<boolean> => {
    for await (const { label } of handle.savepoints()) if (label === 'half') return true
    return false
  }
  await crew.until('the savepoint in the list', isListed, WAIT)
  const { memo } = await crew.client.workflow.getHandle(`${workflowId}/savepoint/half`).describe()
  const { id = '' } = (memo?.['tidemark'] ?? {}) as { readonly id?: string }
  await handle.deleteSavepoint('half')
  await expect(handle.deleteSavepoint('half')).rejects.toMatchObject({ code: 'SavepointNotFound' })
  const holder = crew.client.workflow.getHandle(`tidemark/${pipeline}/savepoint/half/main/0/${id}`)
  expect((await holder.describe()).status.name).toBe('TERMINATED')
})
