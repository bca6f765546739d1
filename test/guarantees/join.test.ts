import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { Client, Connection } from '@temporalio/client'
import kafkajs from 'kafkajs'
import { afterEach, beforeEach, expect, it } from 'vitest'

import type { JoinSettings } from '../fixtures/join-worker.js'
import { readOutput } from '../oracle/read-output.js'
import { readTopic } from '../oracle/read-topic.js'
import { CommitWatch } from '../setup/scene/commits.js'
import type { TaskStanding } from '../setup/scene/scene.js'
import { taskPast } from '../setup/scene/task-past.js'
import { leakedWorkers, WorkerProcess } from '../setup/scene/worker-process.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { createTopic } from '../setup/topics.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'

/**
 * The promise: a join of two topics gives each pair whose times are near enough once, and each left value that meets none
 * once, whatever the order in which the topics come, and though a worker is killed with SIGKILL in the middle of an epoch,
 * past what it had committed.
 */

const PARTITIONS = 2
const KEYS = 40
const program = fileURLToPath(new URL('../../dist/test/fixtures/join-worker.js', import.meta.url))

interface Event {
  readonly n: number
  readonly at: number
}

let connection: Connection
let root: string
let settings: JoinSettings
let commits: CommitWatch
const workers: WorkerProcess[] = []
const feeds: Feed[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidemark-join-'))
  connection = await Connection.connect({ address: temporalAddress() })
  const [orders, payments] = await Promise.all(
    ['orders', 'payments'].map((name) => createTopic(brokers(), uniqueName(name), PARTITIONS)),
  )
  settings = {
    identity: '',
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    taskQueue: uniqueName('guarantees'),
    pipeline: uniqueName('paid'),
    orders: orders ?? '',
    payments: payments ?? '',
    directory: join(root, 'output'),
    heartbeatTimeout: '2s',
    maxDisorder: 300,
    within: 400,
  }
  commits = new CommitWatch(settings.directory)
})
afterEach(async () => {
  await Promise.allSettled([
    ...feeds.splice(0).map((feed) => feed.stop()),
    ...workers.splice(0).map((one) => one.end()),
    commits.stop(),
  ])
  for (const id of ['', '/main/0', '/main/1']) {
    await new Client({ connection }).workflow
      .getHandle(`tidemark/${settings.pipeline}${id}`)
      .terminate('the test is over')
      .catch(() => undefined)
  }
  await connection.close()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
  expect(leakedWorkers()).toEqual([])
})

it('gives each pair once, and each that is alone once, over a kill', async () => {
  const { client } = await begin()
  const task = (partition: number) => client.workflow.getHandle(`tidemark/${settings.pipeline}/main/${partition}`)
  const owning = async () => {
    const { session } = await task(0).query<TaskStanding>('tidemark.task')
    return workers.find(({ identity }) => identity === session?.worker)
  }
  const owner = await waitUntil(owning, { for: 'an owner of partition 0', timeoutMs: 60_000 })

  // Some commits of an epoch that is not the first, as its ledger tells: they will have to be executed again, muted.
  const commitsOfEpoch = (): number => {
    const epoch = commits.newest(0)?.epoch ?? 0
    return epoch < 2 ? 0 : commits.dataOf(0).filter((commit) => commit.epoch === epoch).length
  }
  const some = (): boolean => [2, 3].includes(commitsOfEpoch())
  await waitUntil(some, { for: 'an epoch of partition 0 with some commits', every: 5, timeoutMs: 60_000 })
  const killedAt = Date.now()
  await owner.kill()
  const { claim = Infinity } = commits.newest(0)?.owner ?? {}
  const goesOn = (): boolean => (commits.dataOf(0).at(-1)?.owner.claim ?? 0) > claim
  await waitUntil(goesOn, { for: 'a commit after the kill', timeoutMs: 90_000 })
  expect(feeds.every(({ over }) => !over)).toBe(true)

  const ends = await Promise.all(feeds.map((feed) => feed.end()))
  for (const partition of [0, 1]) {
    const goal = { orders: String(ends[0]?.[partition]), payments: String(ends[1]?.[partition]) }
    const reached = async (): Promise<boolean> => {
      const { checkpoint } = await task(partition).query<TaskStanding>('tidemark.task')
      return JSON.stringify(checkpoint.positions) === JSON.stringify(goal)
    }
    await waitUntil(reached, { for: `partition ${partition} to reach ${JSON.stringify(goal)}`, timeoutMs: 60_000 })
  }
  const { activities } = await taskPast(client, `tidemark/${settings.pipeline}/main/0`)
  const claims = activities.filter(({ type, scheduledAt }) => type === 'tidemark.claim' && scheduledAt > killedAt)
  expect(claims.map(({ result }) => result['furthest'])).toContainEqual({
    orders: expect.stringMatching(/^\d+$/),
    payments: expect.stringMatching(/^\d+$/),
  })

  const lines = [...(await readOutput(settings.directory)).values()].flat()
  const found = lines.map((line) => JSON.parse(line) as { order: number; payment: number | null })
  const told = found.map(({ order, payment }) => `${order} ${payment}`)
  const expected = await oracle()
  expect(expected.filter((pair) => pair.endsWith('null')).length).toBeGreaterThan(50)
  expect(expected.length).toBeGreaterThan(500)
  expect(told.toSorted()).toEqual(expected.toSorted())
}, 400_000)

async function begin(): Promise<{ client: Client }> {
  for (const topic of [settings.orders, settings.payments]) feeds.push(await Feed.start(topic, settings.maxDisorder))
  for (const identity of ['worker-1', 'worker-2']) {
    workers.push(await WorkerProcess.start({ program, settings: { ...settings, identity } }, root))
  }
  const client = new Client({ connection })
  await client.workflow.start('tidemarkPipeline', {
    workflowId: `tidemark/${settings.pipeline}`,
    taskQueue: settings.taskQueue,
    args: [{ pipeline: settings.pipeline }],
  })
  return { client }
}

/** All pairs of what the topics hold, and orders without any, each looked for among all others. */
async function oracle(): Promise<string[]> {
  const [orders, payments] = await Promise.all(
    [settings.orders, settings.payments].map(async (topic) => {
      const records = [...(await readTopic(brokers(), topic)).values()].flat()
      return records.map(({ key, value }) => ({ key, ...(JSON.parse(value ?? '') as Event) }))
    }),
  )
  return (orders ?? []).flatMap((order) => {
    const met = (payments ?? []).filter(
      ({ key, at }) => key === order.key && Math.abs(at - order.at) <= settings.within,
    )
    return met.length === 0 ? [`${order.n} null`] : met.map((payment) => `${order.n} ${payment.n}`)
  })
}

/** Writes numbered values with times of their own, somewhat out of order, until it is told to end. */
class Feed {
  over = false
  private readonly topic: string
  private readonly producer: kafkajs.Producer
  private readonly maxDisorder: number
  private readonly written: Promise<void>
  private readonly ends = [0, 0]

  private constructor(topic: string, maxDisorder: number, producer: kafkajs.Producer) {
    this.topic = topic
    this.maxDisorder = maxDisorder
    this.producer = producer
    this.written = this.write()
    this.written.catch(() => undefined)
  }

  static async start(topic: string, maxDisorder: number): Promise<Feed> {
    const kafka = new kafkajs.Kafka({ brokers: [...brokers()], clientId: 'join', logLevel: kafkajs.logLevel.NOTHING })
    const producer = kafka.producer()
    await producer.connect()
    return new Feed(topic, maxDisorder, producer)
  }

  /** Moves event time beyond all that was written. Gives the position behind the last record of each partition. */
  async end(): Promise<readonly number[]> {
    this.over = true
    await this.written
    await this.send([0, 1].map((key) => ({ n: -1 - key, key, at: 1e9 })))
    await this.producer.disconnect()
    return this.ends
  }

  async stop(): Promise<void> {
    this.over = true
    await this.written.catch(() => undefined)
    await this.producer.disconnect()
  }

  private async write(): Promise<void> {
    for (let n = 0; !this.over; await sleep(20)) {
      const events = Array.from({ length: 6 }, () => ({
        n: n++,
        key: Math.floor(Math.random() * KEYS),
        at: n * 10 + Math.floor(Math.random() * this.maxDisorder),
      }))
      await this.send(events)
    }
  }

  private async send(events: readonly (Event & { readonly key: number })[]): Promise<void> {
    const messages = events.map(({ key, n, at }) => {
      const partition = key % PARTITIONS
      this.ends[partition] = (this.ends[partition] ?? 0) + 1
      return { key: `k${key}`, partition, value: JSON.stringify({ n, at }) }
    })
    await this.producer.send({ topic: this.topic, messages })
  }
}
