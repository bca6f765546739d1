import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { PipelineClient } from '../../src/client/pipeline-client.js'
import type { RescaleSettings } from '../fixtures/rescale-worker.js'
import { readCommitted } from '../oracle/read-committed.js'
import { readTopic } from '../oracle/read-topic.js'
import type { TaskStanding } from '../setup/scene/scene.js'
import { leakedWorkers, WorkerProcess } from '../setup/scene/worker-process.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Topics } from './topics.js'

/**
 * The promise: a pipeline of two stages that is stopped with a savepoint goes on from it with another number of partitions
 * between its stages as if it had never stopped: state is where its keys are, windows that were open are whole, and every
 * output is there once. Judged by what the input topic and Kafka's own Java client say, counted anew.
 */

const program = fileURLToPath(new URL('../../dist/test/fixtures/rescale-worker.js', import.meta.url))
const PARTITIONS = 2
/** Of a stopped pipeline: before it stops, and after. */
const HALF = 450
const AIRPORTS = ['TXL', 'LIS', 'OSL', 'VIE', 'ATH', 'DUB', 'RIX']
const STAGES = { main: PARTITIONS, 'by-destination': 3 }
const pipeline = uniqueName('rescaled')
const taskQueue = uniqueName('rescale')
const workflowId = `tidemark/${pipeline}`
const taskIds = Object.entries(STAGES).flatMap(([stage, count]) =>
  Array.from({ length: count }, (_, partition) => `${workflowId}/${stage}/${partition}`),
)
const workers: WorkerProcess[] = []
let root: string
let connection: Connection
let client: Client
let topics: Topics
let input: string
let output: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidemark-repartition-'))
  connection = await Connection.connect({ address: temporalAddress() })
  client = new Client({ connection })
  topics = new Topics()
  input = await topics.make(uniqueName('flights'), PARTITIONS)
  output = await topics.make(uniqueName('arrivals'), 1)
  await fill(0, HALF)
})

/** So many flights into each partition, those before `from` left out. */
async function fill(from: number, to: number): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const messages = Array.from({ length: to - from }, (_, i) => {
      const n = from + i
      const id = partition * 2 * HALF + n
      // Airports of one partition don't leave from the other.
      const origin = `${AIRPORTS[n % AIRPORTS.length] ?? ''}-${partition}`
      const destination = AIRPORTS[Math.floor(n / 3) % AIRPORTS.length] ?? ''
      return { partition, key: origin, value: JSON.stringify({ id, to: destination, at: n * 10 }) }
    })
    await topics.produce({ topic: input, messages })
  }
}

afterAll(async () => {
  await Promise.allSettled(workers.map((worker) => worker.end()))
  for (const id of [workflowId, `${workflowId}/savepoint/half`, ...taskIds])
    await client.workflow
      .getHandle(id)
      .terminate('the test is over')
      .catch(() => undefined)
  await topics.close()
  const admin = topics.kafka.admin()
  await admin.connect()
  const all = await admin.listTopics()
  await admin.disconnect()
  for (const topic of all.filter((name) => name.startsWith(`tidemark.default.${pipeline}.`)))
    await topics.delete(topic).catch(() => undefined)
  await connection.close()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
  expect(leakedWorkers()).toEqual([])
})

async function addWorker(partitions: number): Promise<WorkerProcess> {
  const settings: RescaleSettings = {
    identity: `worker-${workers.length + 1}`,
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    pipeline,
    topic: input,
    output,
    partitions,
    taskQueue,
    heartbeatTimeout: '2s',
  }
  const worker = await WorkerProcess.start({ program, settings }, root)
  workers.push(worker)
  return worker
}

const epochOf = async (id: string): Promise<number> =>
  (await client.workflow.getHandle(id).query<TaskStanding>('tidemark.task')).checkpoint.epoch

async function until<T>(what: string, look: () => T | Promise<T>): Promise<unknown> {
  try {
    return await waitUntil(look, { timeoutMs: 60_000, for: what, every: 50 })
  } catch (error) {
    const logs = workers.map((worker) => `--- ${worker.identity}\n${worker.log.split('\n').slice(-20).join('\n')}`)
    throw new Error(`${what} did not come.\n${logs.join('\n')}`, { cause: error })
  }
}

interface Arrival {
  readonly id: number
  readonly departure: number
  readonly to: string
  readonly arrival: number
}

interface Count {
  readonly to: string
  readonly second: number
  readonly flights: number
}

/** What has come out has to be what the raw topic, and nothing else, says. */
async function judge(): Promise<void> {
  const raw = [...(await readTopic(brokers(), input)).values()].flat()
  const departures = new Map<string, number>()
  const counts = new Map<string, number>()
  const expected = new Map<number, { readonly to: string; readonly departure: number; readonly partition: number }>()
  for (const { key, value, partition } of raw) {
    const { id, to, at } = JSON.parse(value ?? '') as { id: number; to: string; at: number }
    const window = `${to} ${at - (at % 1_000)}`
    counts.set(window, (counts.get(window) ?? 0) + 1)
    const departure = (departures.get(key ?? '') ?? 0) + 1
    departures.set(key ?? '', departure)
    expected.set(id, { to, departure, partition })
  }
  const found = await readCommitted(brokers(), output)
  const all = found.map(({ value }) => JSON.parse(value ?? '') as Arrival | Count)
  const windows = all.flatMap((row) => ('second' in row ? [[`${row.to} ${row.second}`, row.flights] as const] : []))
  expect(windows).toHaveLength(counts.size)
  expect(new Map(windows)).toEqual(counts)
  const rows = all.flatMap((row) => ('id' in row ? [row] : []))
  expect(rows).toHaveLength(raw.length)
  const arrivals = new Map<string, number>()
  const last = new Map<string, number>()
  for (const row of rows) {
    const wanted = expected.get(row.id)
    expected.delete(row.id)
    const arrival = (arrivals.get(row.to) ?? 0) + 1
    arrivals.set(row.to, arrival)
    if (row.to !== wanted?.to || row.departure !== wanted.departure || row.arrival !== arrival)
      expect(row).toEqual({ ...wanted, arrival })
    // Of one key and one partition before, in order.
    const way = `${row.to} ${wanted?.partition}`
    expect(row.id).toBeGreaterThan(last.get(way) ?? -1)
    last.set(way, row.id)
  }
  expect(expected.size).toBe(0)
}

it('goes on from a savepoint with fewer partitions as if it had never stopped', { timeout: 300_000 }, async () => {
  const pipelines = new PipelineClient(client)
  const handle = pipelines.get(pipeline)
  const before = await addWorker(STAGES['by-destination'])
  await pipelines.start(pipeline, { taskQueue })
  for (const id of taskIds) await until(`a checkpoint of ${id}`, async () => (await epochOf(id).catch(() => 0)) > 0)
  await expect(handle.savepoint('half')).rejects.toMatchObject({ code: 'InvalidCommand' })
  const saved = await handle.savepoint('half', { stop: true })
  expect(saved.tasks).toHaveLength(5)
  await expect(handle.savepoint('half')).rejects.toMatchObject({ code: 'SavepointExists' })
  await before.end()
  await fill(HALF, 2 * HALF)

  await addWorker(2)
  await expect(pipelines.start(pipeline, { taskQueue }).then((run) => run.result())).rejects.toMatchObject({
    code: 'PartitionCountMismatch',
  })
  const run = await pipelines.rewind(pipeline, { to: { savepoint: 'half' }, until: 'latest' })
  expect(await run.result()).toMatchObject({ state: 'completed' })
  await judge()
  expect((await handle.status()).tasks.map(({ stage, partition }) => `${stage}/${partition}`)).toEqual([
    'by-destination/0',
    'by-destination/1',
    'main/0',
    'main/1',
  ])

  await until('the savepoint in the list', async () => {
    for await (const { label } of handle.savepoints()) if (label === 'half') return true
    return false
  })
  await handle.deleteSavepoint('half')
  await expect(handle.deleteSavepoint('half')).rejects.toMatchObject({ code: 'SavepointNotFound' })
  const holder = client.workflow.getHandle(`tidemark/${pipeline}/savepoint/half/main/0`)
  expect((await holder.describe()).status.name).toBe('TERMINATED')
})
