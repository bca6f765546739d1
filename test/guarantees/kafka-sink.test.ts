import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, expect, it } from 'vitest'

import type { WorkerSettings } from '../fixtures/worker.js'
import { judgeCountedTopic } from '../oracle/counted.js'
import { Feed } from '../setup/scene/feed.js'
import { freezeMidEpoch } from '../setup/scene/freeze-mid-epoch.js'
import { NOTHING_WRONG, type TaskStanding } from '../setup/scene/scene.js'
import { WorkerCrew } from '../setup/scene/worker-crew.js'
import type { WorkerProcess } from '../setup/scene/worker-process.js'
import { brokers } from '../setup/shared-servers.js'
import { createTopic } from '../setup/topics.js'
import { uniqueName } from '../setup/unique-name.js'
import { Topics } from './topics.js'

/**
 * The promise: a pipeline from topic to topic loses, doubles and reorders nothing for readers of committed records, in two
 * output topics that share their transactions, through kill -9 in the middle of an epoch, and through a worker that stands
 * still (SIGSTOP) and goes on after another has taken over. Judged by what Kafka's own Java client reads.
 */

const PARTITIONS = 3
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
const pipeline = uniqueName('topic-to-topic')
const taskQueue = uniqueName('kafka-sink')
let crew: WorkerCrew<WorkerSettings>
let topics: Topics
let input: string
let outputs: [string, string]
let feed: Feed

beforeAll(async () => {
  crew = await WorkerCrew.gather('worker')
  topics = new Topics()
  input = await createTopic(brokers(), uniqueName('numbers'), PARTITIONS)
  outputs = [
    await createTopic(brokers(), uniqueName('lines'), PARTITIONS),
    await createTopic(brokers(), uniqueName('copies'), PARTITIONS),
  ]
})

afterAll(async () => {
  await feed?.stop().catch(() => undefined)
  await crew.close([`tidemark/${pipeline}`, ...partitions.map(taskId)])
  await topics.close()
})

const taskId = (partition: number): string => `tidemark/${pipeline}/main/${partition}`

const addWorker = () =>
  crew.add({
    brokers: brokers(),
    pipeline,
    topic: input,
    directory: crew.directory,
    outputs,
    taskQueue,
    commit: '200ms',
    checkpoint: '3s',
    heartbeatTimeout: '2s',
  })

const task = (partition: number): Promise<TaskStanding> =>
  crew.client.workflow.getHandle(taskId(partition)).query<TaskStanding>('tidemark.task')

/** Offsets behind the last committed record, of every partition of both outputs. */
async function ends(): Promise<number[]> {
  const found = await topics.administrate((admin) =>
    Promise.all(outputs.map((output) => admin.fetchTopicOffsets(output))),
  )
  return found.flatMap((some) => some.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high)))
}

/** Every partition of both outputs gets that many more records that are committed. */
async function progress(more: number): Promise<void> {
  const before = await ends()
  await crew.until('more output everywhere', async () => {
    return (await ends()).every((end, at) => end >= (before[at] ?? 0) + more)
  })
}

const ownerOf = (partition: number): Promise<WorkerProcess> =>
  crew.until(`an owner of partition ${partition}`, async () => {
    const { session } = await task(partition)
    return crew.running(session?.worker)
  })

/** Right behind a checkpoint, then so much later that some commits but no checkpoint have followed. */
async function middleOfEpoch(partition: number): Promise<void> {
  const { checkpoint } = await task(partition)
  await crew.until('a checkpoint', async () => (await task(partition)).checkpoint.epoch > checkpoint.epoch, {
    every: 20,
  })
  await sleep(900)
}

it('gives readers of committed records each output once, in order', { timeout: 600_000 }, async () => {
  await Promise.all([addWorker(), addWorker()])
  feed = new Feed({ brokers: brokers(), topic: input, partitions: PARTITIONS, perSecond: 1_500 })
  await crew.client.workflow.start('tidemarkPipeline', {
    workflowId: `tidemark/${pipeline}`,
    taskQueue,
    args: [{ pipeline }],
  })
  await progress(100)

  for (const partition of [0, 1]) {
    const victim = await ownerOf(partition)
    await middleOfEpoch(partition)
    await victim.kill()
    await addWorker()
    await progress(300)
  }

  const zombie = await ownerOf(0)
  await freezeMidEpoch(crew.client, zombie, taskId(0), () => middleOfEpoch(0))
  await progress(300)
  zombie.thaw()
  await crew.until('the zombie to be told off', () => /GenerationFenced|SessionLost/.test(zombie.log))
  await progress(300)

  await feed.end()
  await crew.until('every partition to be read to its end', async () => {
    const tasks = await Promise.all(partitions.map(task))
    return tasks.every(({ checkpoint }, at) => Number(checkpoint.positions['numbers']) === feed.ends[at])
  })

  for (const output of outputs) {
    const verdict = await judgeCountedTopic(brokers(), input, output)
    expect(verdict).toMatchObject(NOTHING_WRONG)
    expect(verdict).toMatchObject({ numbers: feed.sent, found: verdict.expected })
  }

  // It was real: killed owners left commits that no checkpoint knew, and these were executed again, muted.
  const furthest = (await Promise.all(partitions.map((partition) => crew.foundAhead(taskId(partition))))).flat()
  expect(furthest.length).toBeGreaterThanOrEqual(2)
})
