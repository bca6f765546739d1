/**
 * `until: 'latest'` ends by itself at the last stable offsets found at the start: what comes later, or isn't committed yet,
 * is the next run's.
 */
import { definePipeline, json, type Pipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const PARTITIONS = 2
const names = {
  moving: uniqueName('bounded-moving'),
  open: uniqueName('bounded-open'),
  aborted: uniqueName('bounded-aborted'),
  empty: uniqueName('bounded-empty'),
  bad: uniqueName('bounded-bad'),
  lost: uniqueName('bounded-lost'),
}
type Case = keyof typeof names
const cases = Object.keys(names) as Case[]
const outputs = {} as Record<Case, Output>
let topics: Topics
let rig: Rig

function bounded(name: string, directory: string): Pipeline {
  return definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) => read.map('same', (value) => value).to('files', fileSink({ directory, origin: true })),
    checkpoint: { interval: '1s' },
  })
}

beforeAll(async () => {
  topics = new Topics()
  for (const one of cases) {
    outputs[one] = await Output.make()
    await topics.make(names[one], one === 'open' || one === 'aborted' ? 1 : PARTITIONS)
  }
  const pipelines = cases.map((one) => bounded(names[one], outputs[one].directory))
  rig = await Rig.start({ pipelines, plugin: { discoveryInterval: '1s' } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  for (const one of cases) await outputs[one].remove()
})

/** The end of each partition, open transactions and all. */
async function ends(topic: string): Promise<number[]> {
  const offsets = await topics.administrate((admin) => admin.fetchTopicOffsets(topic))
  return offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high))
}

/** A broker answers the end of a transaction before its marker is written: waits for that. */
async function endsAt(topic: string, end: number): Promise<void> {
  await waitUntil(async () => (await ends(topic))[0] === end, { for: `the marker before ${end}` })
}

async function positions(name: string): Promise<number[]> {
  return (await rig.status(name)).tasks.map((task) => Number(task.positions['numbers']))
}

const values = async (output: Output): Promise<unknown[]> =>
  (await output.lines()).map(({ value }) => (value as { n: number }).n)

describe.concurrent('a bounded run', () => {
  it('ends though producers go on, at ends that were there at its start', { timeout: 300_000 }, async () => {
    const name = names.moving
    const flow = topics.flow(name, PARTITIONS)
    await waitUntil(() => flow.sent >= 200)
    const atLeast = await ends(name)
    const run = await rig.begin(name, { until: 'latest' })
    await rig.until(name, ({ state }) => state === 'running' || state === 'completed')
    const atMost = await ends(name)
    const { state, counters } = await run.result()
    expect(state).toBe('completed')
    const reached = await positions(name)
    for (let p = 0; p < PARTITIONS; p++) {
      expect(reached[p]).toBeGreaterThanOrEqual(atLeast[p] ?? NaN)
      expect(reached[p]).toBeLessThanOrEqual(atMost[p] ?? NaN)
    }
    await flow.stop()
    expect((await ends(name))[0], 'producers went on').toBeGreaterThan(reached[0] ?? NaN)
    await outputs.moving.expectNumbers(reached)
    expect(counters.read).toBe(reached.reduce((sum, n) => sum + n))
  })

  it(
    'leaves the records of an open transaction, and what is behind them, to the next',
    { timeout: 300_000 },
    async () => {
      const name = names.open
      await topics.send(name, 0, numbers(10))
      const producer = await topics.transactional(uniqueName('open'))
      const open = await producer.transaction()
      await open.send({ topic: name, messages: numbers(5, 10).map((value) => ({ partition: 0, value })) })
      await topics.send(name, 0, numbers(5, 15))
      await (await rig.begin(name, { until: 'latest' })).result()
      expect(await values(outputs.open)).toEqual(Array.from({ length: 10 }, (_, n) => n))
      expect(await positions(name)).toEqual([10])
      await open.commit()
      await endsAt(name, 21)
      await (await rig.begin(name, { until: 'latest' })).result()
      expect(await values(outputs.open)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    },
  )

  it('reaches an end where nothing is to be read: a transaction that was aborted', { timeout: 300_000 }, async () => {
    const name = names.aborted
    await topics.send(name, 0, numbers(10))
    const producer = await topics.transactional(uniqueName('aborted'))
    const aborted = await producer.transaction()
    await aborted.send({ topic: name, messages: numbers(5, 10).map((value) => ({ partition: 0, value })) })
    await aborted.abort()
    const end = 16
    await endsAt(name, end)
    await (await rig.begin(name, { until: 'latest' })).result()
    expect(await values(outputs.aborted)).toEqual(Array.from({ length: 10 }, (_, n) => n))
    expect(await positions(name), 'behind the marker of the abort').toEqual([end])
  })

  it('of an empty topic ends at once', { timeout: 300_000 }, async () => {
    const { counters } = await (await rig.begin(names.empty, { until: 'latest' })).result()
    expect(counters).toEqual({ read: 0, written: 0, skipped: 0, deadLettered: 0 })
    expect(await outputs.empty.files()).toEqual([])
  })

  it('with a bad record ends as failed, after the other partitions are done', { timeout: 300_000 }, async () => {
    const name = names.bad
    await topics.send(name, 0, [...numbers(5), 'bad', ...numbers(4, 6)])
    await topics.send(name, 1, numbers(10))
    const run = await rig.begin(name, { until: 'latest' })
    const failure = await run.result().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'DecodeFailed', message: expect.stringContaining('failed in 1 of 2 tasks') })
    const { state, tasks, problem } = await rig.status(name)
    expect(state).toBe('failed')
    expect(problem?.message).toContain(`record 5 of partition 0`)
    expect(tasks.map((task) => task.state)).toEqual(['failed', 'completed'])
    expect(tasks[0]?.problem?.code).toBe('DecodeFailed')
    await outputs.bad.expectNumbers([5, 10])
  })

  it('keeps its ends where a task is lost and started again', { timeout: 300_000 }, async () => {
    const name = names.lost
    for (let p = 0; p < PARTITIONS; p++) await topics.send(name, p, numbers(50))
    const run = await rig.begin(name, { until: 'latest' })
    await run.pause({ reason: 'the test wants it to wait' })
    const lost = `tidemark/${name}/main/0`
    const { runId } = await rig.client.workflow.getHandle(lost).describe()
    await rig.terminate(lost)
    for (let p = 0; p < PARTITIONS; p++) await topics.send(name, p, numbers(50, 50))
    const again = async (): Promise<boolean> => {
      const now = await rig.client.workflow.getHandle(lost).describe()
      return now.status.name === 'RUNNING' && now.runId !== runId
    }
    await waitUntil(again, { for: 'discovery to start it again', every: 200, timeoutMs: 45_000 })
    await rig.until(name, ({ tasks }) => tasks[0]?.state === 'paused')
    await run.resume()
    await run.result()
    await outputs.lost.expectNumbers([50, 50])
  })
})
