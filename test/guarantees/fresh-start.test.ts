/**
 * `fresh` begins a new generation at a stated position: its files are told apart by name, what the older one committed
 * stays, and the older one's owner can commit no more.
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
const COUNT = 60
const names = {
  earliest: uniqueName('fresh-earliest'),
  offsets: uniqueName('fresh-offsets'),
  timestamp: uniqueName('fresh-timestamp'),
  refused: uniqueName('fresh-refused'),
  lost: uniqueName('fresh-lost'),
}
type Case = keyof typeof names
const cases = Object.keys(names) as Case[]
const outputs = {} as Record<Case, Output>
const fenced = uniqueName('fresh-fenced')
let fencedOutput: Output
let topics: Topics
let rig: Rig

function numbersTo(name: string, directory: string, checkpoint: '1s' | '30s' = '1s'): Pipeline {
  return definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) => read.map('same', (value) => value).to('files', fileSink({ directory, origin: true })),
    commit: { interval: '100ms' },
    checkpoint: { interval: checkpoint },
  })
}

beforeAll(async () => {
  topics = new Topics()
  for (const one of cases) {
    outputs[one] = await Output.make()
    await topics.make(names[one], PARTITIONS)
  }
  fencedOutput = await Output.make()
  await topics.make(fenced, 1)
  const pipelines = cases.map((one) => numbersTo(names[one], outputs[one].directory))
  rig = await Rig.start({ pipelines, plugin: { discoveryInterval: '1s' } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  for (const output of [...Object.values(outputs), fencedOutput]) await output.remove()
})

/** A first generation that has read all there is. */
async function firstGeneration(one: Case): Promise<void> {
  const name = names[one]
  for (let p = 0; p < PARTITIONS; p++) await topics.send(name, p, numbers(COUNT))
  await (await rig.begin(name, { until: 'latest' })).result()
  await outputs[one].expectNumbers([COUNT, COUNT], 1)
}

const from = (first: number): number[] => Array.from({ length: COUNT - first }, (_, n) => first + n)

describe.concurrent('a fresh start', () => {
  it('from the earliest record: all of it again, in files of generation 2', { timeout: 300_000 }, async () => {
    const name = names.earliest
    await firstGeneration('earliest')
    const before = await outputs.earliest.files()
    await (await rig.begin(name, { fresh: true, from: 'earliest', until: 'latest' })).result()
    const { tasks, counters } = await rig.status(name)
    expect(tasks.map((task) => task.generation)).toEqual([2, 2])
    expect(counters.read, 'counted anew').toBe(PARTITIONS * COUNT)
    await outputs.earliest.expectNumbers([COUNT, COUNT], 2)
    const after = await outputs.earliest.files()
    expect(after.filter((file) => file.includes('-g0001-'))).toEqual(before)
    // A start without `fresh` goes on in the newest generation.
    await (await rig.begin(name, { until: 'latest' })).result()
    expect((await rig.status(name)).tasks.map((task) => task.generation)).toEqual([2, 2])
    expect(await outputs.earliest.files()).toEqual(after)
  })

  it('from offsets; a partition that none is given for begins at its earliest', { timeout: 300_000 }, async () => {
    const name = names.offsets
    await firstGeneration('offsets')
    const offsets = { from: { offsets: { 1: '45' } } } as const
    await (await rig.begin(name, { fresh: true, ...offsets, until: 'latest' })).result()
    expect(await outputs.offsets.positions(0, 2)).toEqual(from(0))
    expect(await outputs.offsets.positions(1, 2)).toEqual(from(45))
  })

  it('from a time: at the first record that is not older', { timeout: 300_000 }, async () => {
    const name = names.timestamp
    const hour = 3_600_000
    const noon = Date.now() - 12 * hour
    for (let p = 0; p < PARTITIONS; p++) {
      const messages = numbers(COUNT).map((value, n) => ({ partition: p, value, timestamp: String(noon + n * 1_000) }))
      await topics.produce({ topic: name, messages })
    }
    await (await rig.begin(name, { until: 'latest' })).result()
    const timestamp = new Date(noon + 20_500)
    await (await rig.begin(name, { fresh: true, from: { timestamp }, until: 'latest' })).result()
    for (let p = 0; p < PARTITIONS; p++) expect(await outputs.timestamp.positions(p, 2)).toEqual(from(21))
  })

  it("is needed for 'from': a run that would have to jump fails at once", { timeout: 300_000 }, async () => {
    const name = names.refused
    await firstGeneration('refused')
    const run = await rig.begin(name, { from: 'earliest' })
    const failure = await run.result().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'InvalidCommand' })
    const { message } = failure as Error
    expect(message).toContain(`start of pipeline '${name}'`)
    expect(message).toContain("'from' is for a first or a fresh start")
    expect(message).toContain(`goes on from {"numbers":"${COUNT}"}`)
    expect((await rig.status(name)).state).toBe('failed')
    // Nothing is spoilt: the next start goes on.
    await (await rig.begin(name, { until: 'latest' })).result()
    await outputs.refused.expectNumbers([COUNT, COUNT])
  })

  it('happens once: a task that is lost later goes on in its generation', { timeout: 300_000 }, async () => {
    const name = names.lost
    await firstGeneration('lost')
    await rig.begin(name, { fresh: true, from: 'earliest' })
    const read = ({ tasks }: { tasks: readonly { positions: Readonly<Record<string, string>> }[] }): boolean =>
      tasks.length === PARTITIONS && tasks.every((task) => Number(task.positions['numbers']) === COUNT)
    await rig.until(name, read)
    const lost = `tidemark/${name}/main/0`
    const { runId } = await rig.client.workflow.getHandle(lost).describe()
    await rig.terminate(lost)
    const again = async (): Promise<boolean> => {
      const now = await rig.client.workflow.getHandle(lost).describe()
      return now.status.name === 'RUNNING' && now.runId !== runId
    }
    await waitUntil(again, { for: 'discovery to start it again', every: 200, timeoutMs: 45_000 })
    await topics.send(name, 0, numbers(10, COUNT))
    await rig.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === COUNT + 10)
    expect((await rig.status(name)).tasks.map((task) => task.generation)).toEqual([2, 2])
    await rig.pipelines.get(name).drain()
    await outputs.lost.expectNumbers([COUNT + 10, COUNT], 2)
    expect((await outputs.lost.files()).filter((file) => file.includes('-g0003-'))).toEqual([])
  })
})

it('fences the older generation where its worker still goes on', { timeout: 300_000 }, async () => {
  // One task each: the first worker keeps its old session, the second one gets the new claim.
  const pipelines = [numbersTo(fenced, fencedOutput.directory, '30s')]
  const old = await Rig.start({ pipelines, plugin: { maxTasks: 1, heartbeatTimeout: '30s' } })
  const { taskQueue } = old
  const next = await Rig.start({ pipelines, plugin: { maxTasks: 1, taskQueue }, worker: false })
  try {
    const flow = topics.flow(fenced, 1)
    const generation = async (g: number): Promise<number> =>
      (await fencedOutput.files()).filter((file) => file.includes(`-g000${g}-`)).length
    await old.begin(fenced)
    await waitUntil(async () => (await generation(1)) >= 3)
    await old.terminate(`tidemark/${fenced}`)
    await next.startWorker()
    const committed = await generation(1)
    await next.begin(fenced, { fresh: true, from: 'earliest' })
    await waitUntil(async () => (await generation(2)) >= 1, { timeoutMs: 45_000 })
    const fencedAt = await generation(1)
    expect(fencedAt, 'the old owner went on until it was fenced').toBeGreaterThan(committed)
    await waitUntil(async () => (await generation(2)) >= 8, { timeoutMs: 45_000 })
    expect(await generation(1), 'commits of the old owner after it was fenced').toBe(fencedAt)
    const count = await flow.stop()
    const handle = next.pipelines.get(fenced)
    await waitUntil(async () => (await fencedOutput.lines(2)).length >= count, { timeoutMs: 45_000 })
    await handle.drain()
    await fencedOutput.expectNumbers([count], 2)
    // And what the first one committed before is a whole beginning of the same.
    await fencedOutput.expectNumbers([(await fencedOutput.lines(1)).length], 1)
  } finally {
    await next.close()
    await old.close()
  }
})
