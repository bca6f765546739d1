/** Status is told also while no worker is up: positions, counts, problems and what is waited for. */
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const COUNT = 25
const name = uniqueName('unattended')
let topics: Topics
let output: Output
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  output = await Output.make()
  await topics.make(name, 2)
  const pipeline = definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) => read.to('files', fileSink({ directory: output.directory, origin: true })),
    checkpoint: { interval: '300ms' },
  })
  rig = await Rig.start({ pipelines: [pipeline], worker: false })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  await output.remove()
})

it('is told before the first worker, after the last one, and after the end', { timeout: 400_000 }, async () => {
  const handle = await rig.begin(name)
  const first = await handle.status()
  expect(first).toMatchObject({ name, state: 'starting', guarantee: null, tasks: [], workers: [] })
  const waiting = await rig.until(name, (status) => status.waiting !== null)
  expect(waiting.waiting).toBe(`for a worker: none polls task queue '${rig.taskQueue}'`)

  // 100 checkpoints and more: the newest page of history doesn't reach back to its beginning.
  await rig.startWorker()
  await topics.send(name, 0, numbers(COUNT))
  await topics.send(name, 1, [...numbers(7), 'no JSON', ...numbers(3, 8)])
  for (let i = 0; i < 15; i++) {
    await topics.send(name, 0, numbers(1, COUNT + i))
    await rig.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === COUNT + i + 1)
  }
  await rig.until(name, ({ tasks }) => tasks[1]?.state === 'parked')
  await rig.stopWorker()

  const alone = await handle.status()
  expect(alone.state).toBe('running')
  expect(alone.guarantee?.value).toBe('exactly-once')
  expect(alone.counters).toEqual({ read: COUNT + 15 + 7, written: COUNT + 15 + 7, skipped: 0, deadLettered: 0 })
  const [going, parked] = alone.tasks
  expect(going).toMatchObject({
    state: 'running',
    positions: { numbers: String(COUNT + 15) },
    generation: 1,
    problem: null,
  })
  expect(going?.epoch).toBeGreaterThanOrEqual(15)
  expect(Math.abs(Date.now() - (going?.recordedAt ?? 0))).toBeLessThan(600_000)
  expect(parked).toMatchObject({ state: 'parked', positions: { numbers: '7' }, worker: null })
  expect(parked?.problem?.code).toBe('DecodeFailed')
  expect(parked?.problem?.message).toContain('record 7 of partition 1')

  await rig.terminateAll(name)
  const ended = await handle.status()
  expect(ended.state).toBe('terminated')
  expect(ended.problem?.next).toContain('start it again')
  expect(ended.tasks.map((task) => [task.state, task.positions['numbers']])).toEqual([
    ['terminated', String(COUNT + 15)],
    ['terminated', '7'],
  ])
})
