/**
 * Branches to sinks of their own, a merge of some, and one that hardly ever gets anything: ledgers that stand at different
 * positions are all taken up again where they were.
 */
import { definePipeline, json, otherwise } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { Topics } from './topics.js'

/** What each sink is to get, said again without the pipeline. */
const wanted = {
  rare: (n: number) => n % 211 === 7,
  even: (n: number) => n % 2 === 0 && n % 211 !== 7,
  odd: (n: number) => n % 2 === 1 && n % 211 !== 7,
  common: (n: number) => n % 211 !== 7,
} as const
type Sink = keyof typeof wanted
const sinks = Object.keys(wanted) as Sink[]

const name = uniqueName('branches')
const outputs = {} as Record<Sink, Output>
let topics: Topics
let rig: Rig

beforeAll(async () => {
  topics = new Topics()
  for (const sink of sinks) outputs[sink] = await Output.make()
  await topics.make(name, 1)
  const to = (sink: Sink): ReturnType<typeof fileSink<{ n: number }>> =>
    fileSink({ directory: outputs[sink].directory, origin: true })
  const pipeline = definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) => {
      const { rare, even, odd } = read.branch('kinds', {
        rare: ({ n }) => n % 211 === 7,
        even: ({ n }) => n % 2 === 0,
        odd: otherwise,
      })
      return [
        rare.to('rare', to('rare')),
        even.to('even', to('even')),
        odd.to('odd', to('odd')),
        odd.merge('common', even).to('all', to('common')),
      ]
    },
    commit: { interval: '100ms' },
    checkpoint: { interval: '4s' },
  })
  rig = await Rig.start({ pipelines: [pipeline] })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  for (const sink of sinks) await outputs[sink].remove()
})

async function progress(more: number): Promise<void> {
  const { common } = outputs
  const before = (await common.positions(0)).length
  await waitUntil(async () => (await common.positions(0)).length >= before + more, { timeoutMs: 45_000, every: 100 })
}

it(
  'each get their records once, in order, through terminations, drain and cancellation',
  { timeout: 480_000 },
  async () => {
    const flow = topics.flow(name, 1)
    await rig.begin(name)
    await progress(250)
    for (let times = 0; times < 3; times++) {
      await rig.terminateAll(name)
      await rig.begin(name)
      await progress(250)
    }
    await rig.pipelines.get(name).drain()
    await rig.begin(name)
    await progress(250)
    await rig.pipelines.get(name).cancel()
    const count = await flow.stop()
    await (await rig.begin(name, { until: 'latest' })).result()
    const all = Array.from({ length: count }, (_, n) => n)
    for (const sink of sinks) {
      const lines = await outputs[sink].lines()
      expect(
        lines.map((line) => line.position),
        sink,
      ).toEqual(all.filter(wanted[sink]))
      expect(
        lines.map((line) => (line.value as { n: number }).n),
        sink,
      ).toEqual(all.filter(wanted[sink]))
    }
    const { counters, tasks } = await rig.status(name)
    expect(tasks[0]?.generation).toBe(1)
    expect(counters.read).toBe(count)
  },
)
