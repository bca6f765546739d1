import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, expect, it } from 'vitest'

import type { ArrivalsSettings } from '../fixtures/arrivals-worker.js'
import type { TaskStanding } from '../setup/scene/scene.js'
import { WorkerCrew } from '../setup/scene/worker-crew.js'
import { brokers } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { AIRPORTS, flightsOf, judgeArrivals } from './arrivals.js'
import { Topics } from './topics.js'

/**
 * The promise: a stream that is given another key in the middle of a pipeline comes to its new partitions exactly once, and
 * state by either key is what all records before gave; through kill -9 in the middle of epochs of both stages. No value is late
 * that wasn't in its own partition, however far the tasks before are apart, so windows are whole. It meets a topic that its first
 * stage knows nothing of, and each value the row of its key that was there before it. A bounded run ends by itself,
 * behind all that the first stage has written, and closes them. Judged by what the input topic and Kafka's own Java client
 * say, counted anew.
 */

const PARTITIONS = 2
const EACH = 3_000
const STAGES = { main: PARTITIONS, 'by-destination': 3 }
const nameOf = (airport: string): string => `${airport} International`
const pipeline = uniqueName('arrivals')
const workflowId = `tidemark/${pipeline}`
const taskQueue = uniqueName('repartition')
const taskIds = Object.entries(STAGES).flatMap(([stage, count]) =>
  Array.from({ length: count }, (_, partition) => `${workflowId}/${stage}/${partition}`),
)
let crew: WorkerCrew<ArrivalsSettings>
let topics: Topics
let input: string
let output: string
let names: string

beforeAll(async () => {
  crew = await WorkerCrew.gather('arrivals-worker')
  topics = new Topics()
  input = await topics.make(uniqueName('flights'), PARTITIONS)
  output = await topics.make(uniqueName('arrivals'), 1)
  // What the flights meet in their second stage: as many partitions are made for them there. Each was there before all flights.
  names = await topics.make(uniqueName('names'), STAGES['by-destination'], { 'retention.ms': '-1' })
  const rows = AIRPORTS.map((key) => ({ key, value: nameOf(key), timestamp: '0' }))
  await topics.produce({ topic: names, messages: rows })
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await topics.produce({ topic: input, messages: flightsOf(partition, EACH) })
  }
})

afterAll(async () => {
  await crew.close([workflowId, ...taskIds])
  await topics.close()
  await topics.delete(`tidemark.default.${pipeline}.by-destination-repartition`).catch(() => undefined)
})

/** `slowMs`: how long it takes for a record of the first stage. */
const addWorker = (slowMs: number) =>
  crew.add({ brokers: brokers(), pipeline, topic: input, names, output, taskQueue, heartbeatTimeout: '2s', slowMs })

const epochOf = async (id: string): Promise<number> =>
  (await crew.client.workflow.getHandle(id).query<TaskStanding>('tidemark.task')).checkpoint.epoch

it('counts by two keys, each over all records, whoever is killed meanwhile', { timeout: 480_000 }, async () => {
  // It would take twelve seconds for all of them: whatever is late here, it is killed before.
  const victim = await addWorker(2)
  const run = await crew.client.workflow.start('tidemarkPipeline', {
    workflowId,
    taskQueue,
    args: [{ pipeline, until: 'latest' }],
  })
  // Both stages have made a checkpoint, and gone on from there: commits have followed, no checkpoint.
  for (const id of taskIds)
    await crew.until(`a checkpoint of ${id}`, async () => (await epochOf(id).catch(() => 0)) > 0, {
      every: 20,
    })
  await sleep(700)
  await victim.kill()
  await addWorker(0)

  expect(await run.result()).toMatchObject({ state: 'completed' })

  const rows = await judgeArrivals(input, output)
  expect(rows).toHaveLength(PARTITIONS * EACH)
  for (const row of rows) if (row.name !== nameOf(row.to)) expect(row).toMatchObject({ name: nameOf(row.to) })

  // It was real: what was killed had committed more than history knew.
  const furthest = (await Promise.all(taskIds.map((id) => crew.foundAhead(id)))).flat()
  expect(furthest.length).toBeGreaterThan(0)
})
