/**
 * The promise: what an S3 sink has committed holds each output once and in order per partition, whatever becomes of
 * workers and of the S3 server; and a plain listing is back to that as soon as a killed worker's successor has opened.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { afterEach, beforeEach, expect, it } from 'vitest'

import type { WorkerSettings } from '../fixtures/worker.js'
import { compare } from '../oracle/compare.js'
import { expectedOutputs, withoutChance } from '../oracle/counted.js'
import { type BucketEntry, type BucketPlace, newestEntry, readBucket } from '../oracle/read-bucket.js'
import { readTopic } from '../oracle/read-topic.js'
import { startS3, type S3Server } from '../setup/s3/s3-server.js'
import { Feed } from '../setup/scene/feed.js'
import { NOTHING_WRONG, type TaskStanding } from '../setup/scene/scene.js'
import { taskPast } from '../setup/scene/task-past.js'
import { leakedWorkers, WorkerProcess } from '../setup/scene/worker-process.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { createTopic } from '../setup/topics.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'

const program = fileURLToPath(new URL('../../dist/test/fixtures/worker.js', import.meta.url))
const PARTITIONS = 2

let s3: S3Server
let place: BucketPlace
let root: string
let connection: Connection
let client: Client
let topic: string
let feed: Feed
const pipeline = uniqueName('to-s3')
const names = { pipeline: '', taskQueue: '' }
let workers: WorkerProcess[] = []

beforeEach(async () => {
  s3 = await startS3()
  place = { client: s3.client, bucket: await s3.makeBucket(), prefix: 'counted/numbers' }
  root = await mkdtemp(join(tmpdir(), 'tidemark-s3-'))
  connection = await Connection.connect({ address: temporalAddress() })
  client = new Client({ connection })
  topic = await createTopic(brokers(), uniqueName('numbers'), PARTITIONS)
  Object.assign(names, { pipeline: uniqueName(pipeline), taskQueue: uniqueName('s3') })
  feed = new Feed({ brokers: brokers(), topic, partitions: PARTITIONS, perSecond: 600 })
  await addWorker()
  await client.workflow.start('tidemarkPipeline', {
    workflowId: `tidemark/${names.pipeline}`,
    taskQueue: names.taskQueue,
    args: [{ pipeline: names.pipeline }],
  })
})

afterEach(async () => {
  await Promise.allSettled([feed.stop(), ...workers.map((worker) => worker.end())])
  workers = []
  for (const id of [`tidemark/${names.pipeline}`, ...partitions.map(taskId)]) {
    await client.workflow
      .getHandle(id)
      .terminate('the test is over')
      .catch(() => undefined)
  }
  await connection.close()
  await s3.stop()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
  expect(leakedWorkers()).toEqual([])
})

it(
  'holds when a worker is killed in the middle of an epoch, past what history knows',
  { timeout: 400_000 },
  async () => {
    const before = await inMidEpoch(0)
    await workers[0]?.kill()
    const killedAt = Date.now()
    const left = await newestEntry(place, 0)
    await addWorker()
    await progress(0, left, ({ receipt }) => receipt.owner.claim > before.receipt.owner.claim)
    await finish()
    const { activities } = await taskPast(client, taskId(0))
    const lost = activities.filter(({ type, outcome }) => type === 'tidemark.runEpoch' && outcome === 'timed out')
    expect(lost.filter(({ scheduledAt, endedAt }) => scheduledAt < killedAt && endedAt > killedAt)).toHaveLength(1)
    // Its ledger was ahead of the checkpoint: this much was executed again, muted.
    const furthest = activities.filter(({ type }) => type === 'tidemark.claim').map(({ result }) => result['furthest'])
    expect(furthest.flatMap((one) => Object.values(one ?? {}))).toContain(positionOf(left))
  },
)

it('holds when the S3 server is killed and comes back', { timeout: 400_000 }, async () => {
  await inMidEpoch(0)
  await s3.kill()
  await waitUntil(
    async () => {
      const pasts = await Promise.all(partitions.map((partition) => taskPast(client, taskId(partition))))
      return pasts.every(({ activities }) => activities.some(({ failure }) => failure === 'SinkUnavailable'))
    },
    { for: 'every task to miss it', timeoutMs: 60_000, every: 250 },
  )
  await s3.restart()
  for (const partition of partitions) await progress(partition, await newestEntry(place, partition), () => true)
  await finish()
})

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
const taskId = (partition: number): string => `tidemark/${names.pipeline}/main/${partition}`
const positionOf = (entry: BucketEntry | null): string => Object.values(entry?.receipt.positions ?? {})[0] ?? '0'

async function addWorker(): Promise<void> {
  const { bucket, prefix } = place
  const settings = { identity: `worker-${workers.length + 1}`, temporalAddress: temporalAddress(), brokers: brokers() }
  const clocks = { heartbeatTimeout: '2s', commit: '200ms', checkpoint: '3s' } as const
  const sink = { directory: '', s3: { bucket, prefix, connection: s3.connection } }
  const all: WorkerSettings = { ...settings, ...names, topic, ...sink, ...clocks }
  workers.push(await WorkerProcess.start({ program, settings: all }, root))
}

/** Waits for an epoch that isn't the first to have committed outputs twice, and gives its newest entry. */
async function inMidEpoch(partition: number): Promise<BucketEntry> {
  const seen = new Map<number, Set<number>>()
  return await waitUntil(
    async () => {
      if (workers[0]?.runs !== true) throw new Error(workers[0]?.log)
      const entry = await newestEntry(place, partition)
      if (entry === null || entry.objects.length === 0) return null
      const epoch = entry.receipt.epoch ?? 0
      const seqs = seen.get(epoch) ?? new Set()
      seen.set(epoch, seqs.add(entry.seq))
      return epoch > 2 && seqs.size >= 2 ? entry : null
    },
    { for: `an epoch of partition ${partition} with two commits`, timeoutMs: 60_000, every: 20 },
  )
}

/** Waits for outputs behind `from` that `counts`. The feed must still be running: else nothing could have gone wrong. */
async function progress(partition: number, from: BucketEntry | null, counts: (entry: BucketEntry) => boolean) {
  await waitUntil(
    async () => {
      const entry = await newestEntry(place, partition)
      return entry !== null && entry.seq > (from?.seq ?? 0) && entry.objects.length > 0 && counts(entry)
    },
    { for: `partition ${partition} to go on: ${workers.at(-1)?.log.slice(-2_000) ?? ''}`, timeoutMs: 90_000 },
  )
  expect(feed.finished).toBe(false)
}

/** Lets everything be processed, ends pipeline and workers in order, and judges by topic and bucket. */
async function finish(): Promise<void> {
  await feed.end()
  const reached = async (partition: number): Promise<boolean> => {
    const { checkpoint } = await client.workflow.getHandle(taskId(partition)).query<TaskStanding>('tidemark.task')
    return Number(Object.values(checkpoint.positions)[0] ?? 0) >= (feed.ends[partition] ?? 0)
  }
  await waitUntil(async () => (await Promise.all(partitions.map(reached))).every(Boolean), {
    for: 'everything to be in a checkpoint',
    timeoutMs: 90_000,
  })
  const handle = client.workflow.getHandle(`tidemark/${names.pipeline}`)
  const drain = { kind: 'drain', partition: null, stage: null, reason: 'test', acceptCodeChange: false }
  await handle.executeUpdate('tidemark.command', { args: [drain] })
  expect(await handle.result()).toMatchObject({ state: 'completed' })
  for (const worker of workers.filter(({ runs }) => runs)) expect((await worker.terminate()).code).toBe(0)

  const records = await readTopic(brokers(), topic)
  const { lines, uncommitted, faults } = await readBucket(place)
  const found = new Map([...lines].map(([partition, some]) => [partition, some.map(withoutChance)]))
  const verdict = compare(expectedOutputs(records), found)
  expect(verdict).toMatchObject(NOTHING_WRONG)
  expect(verdict.found).toBeGreaterThan(1_000)
  expect(faults).toEqual([])
  expect(uncommitted).toEqual([])
}
