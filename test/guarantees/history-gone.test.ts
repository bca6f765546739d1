/**
 * Where the namespace has forgotten a pipeline's history, a stateless stage goes on from its ledger's receipt: nothing is
 * lost or done twice. Where the ledgers alone can't say how far all of it got, the start says so instead of guessing.
 */
import { mkdir, rm } from 'node:fs/promises'
import { definePipeline, json, type Pipeline } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { startTemporal, type TemporalServer } from '../../src/dev/temporal-server.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

/** Orderly ends: they leave every ledger at the position of the last checkpoint. */
const ends = ['until', 'drain', 'cancel'] as const
const pairs = [...ends, 'parted', 'wiped'] as const
type Pair = (typeof pairs)[number]
const crashed = uniqueName('forgotten')
const names = Object.fromEntries(pairs.map((pair) => [pair, uniqueName(`forgotten-${pair}`)])) as Record<Pair, string>
const sinks = {} as Record<Pair, { readonly evens: Output; readonly larges: Output }>
let topics: Topics
let files: Output
let before: TemporalServer
let after: TemporalServer
let rig: Rig

const source = (topic: string) => kafkaSource({ topic, value: json(z.object({ n: z.number() })) })

/** One ledger that all of the even numbers go to, and one that gets nothing before number 100. */
function twoSinks(pair: Pair): Pipeline {
  const { evens, larges } = sinks[pair]
  return definePipeline({
    name: names[pair],
    sources: { numbers: source(names[pair]) },
    steps: ({ numbers: read }) => [
      read.filter('even', ({ n }) => n % 2 === 0).to('evens', fileSink({ directory: evens.directory, origin: true })),
      read.filter('large', ({ n }) => n >= 100).to('larges', fileSink({ directory: larges.directory, origin: true })),
    ],
    commit: { interval: '100ms' },
    checkpoint: { interval: '60s' },
  })
}

/** What a rig works on; Temporal is another one before and after. */
async function pipelinesOn(temporal: TemporalServer): Promise<Rig> {
  const single = definePipeline({
    name: crashed,
    sources: { numbers: source(crashed) },
    steps: ({ numbers: read }) => read.to('files', fileSink({ directory: files.directory, origin: true })),
    commit: { interval: '100ms' },
    checkpoint: { interval: '60s' },
  })
  return await Rig.start({ pipelines: [single, ...pairs.map(twoSinks)], address: temporal.address })
}

beforeAll(async () => {
  topics = new Topics()
  files = await Output.make()
  await topics.make(crashed, 2)
  for (const partition of [0, 1]) await topics.send(crashed, partition, numbers(50))
  for (const pair of pairs) {
    sinks[pair] = { evens: await Output.make(), larges: await Output.make() }
    await topics.make(names[pair], 1)
    // None of this is for the second sink.
    await topics.send(names[pair], 0, numbers(50))
  }
  ;[before, after] = await Promise.all([startTemporal(), startTemporal()])
  const first = await pipelinesOn(before)
  await Promise.all([
    runToCrash(first),
    ...ends.map((end) => runToEnd(first, end)),
    runToPart(first),
    runToEnd(first, 'wiped'),
  ])
  // Its ledgers are gone as well as its history.
  for (const output of Object.values(sinks.wiped)) {
    await rm(output.directory, { recursive: true })
    await mkdir(output.directory)
  }
  await first.close()
  await before.stop()
  rig = await pipelinesOn(after)
})

afterAll(async () => {
  await rig.close()
  await after.stop()
  await topics.close()
  for (const output of [files, ...Object.values(sinks).flatMap(({ evens, larges }) => [evens, larges])]) {
    await output.remove()
  }
})

/** All is committed when its workflows are terminated, in mid-epoch. */
async function runToCrash(first: Rig): Promise<void> {
  await first.begin(crashed)
  for (const p of [0, 1]) await waitUntil(async () => (await files.positions(p)).length === 50, { timeoutMs: 60_000 })
  await first.terminateAll(crashed)
}

async function runToEnd(first: Rig, end: (typeof ends)[number] | 'wiped'): Promise<void> {
  const bounded = end === 'until' || end === 'wiped'
  const handle = await first.begin(names[end], bounded ? { until: 'latest' } : {})
  if (bounded) {
    await handle.result()
    return
  }
  const { evens } = sinks[end]
  await waitUntil(async () => (await evens.positions(0)).length === 25, { timeoutMs: 60_000 })
  await handle[end]()
}

/** One of two ledgers has committed when all is terminated. */
async function runToPart(first: Rig): Promise<void> {
  await first.begin(names.parted)
  await waitUntil(async () => (await sinks.parted.evens.positions(0)).length === 25, { timeoutMs: 60_000 })
  await first.terminateAll(names.parted)
}

const all = Array.from({ length: 150 }, (_, n) => n)

describe.concurrent('without history', () => {
  it('a start goes on from the receipt, wherever that was', { timeout: 300_000 }, async () => {
    for (const partition of [0, 1]) await topics.send(crashed, partition, numbers(50, 50))
    await (await rig.begin(crashed, { until: 'latest' })).result()
    const { tasks } = await rig.status(crashed)
    expect(tasks.map((task) => task.generation)).toEqual([1, 1])
    await files.expectNumbers([100, 100])
  })

  it.each(ends)(
    'a start goes on from several receipts, after a run that ended by %s',
    { timeout: 300_000 },
    async (end) => {
      const name = names[end]
      await topics.send(name, 0, numbers(100, 50))
      await (await rig.begin(name, { until: 'latest' })).result()
      expect((await rig.status(name)).tasks.map((task) => task.generation)).toEqual([1])
      expect(await sinks[end].evens.positions(0)).toEqual(all.filter((n) => n % 2 === 0))
      expect(await sinks[end].larges.positions(0)).toEqual(all.filter((n) => n >= 100))
    },
  )

  it('and without ledgers a start begins anew, as the very first one', { timeout: 300_000 }, async () => {
    const name = names.wiped
    await (await rig.begin(name, { until: 'latest' })).result()
    expect((await rig.status(name)).tasks.map((task) => task.generation)).toEqual([1])
    expect(await sinks.wiped.evens.positions(0)).toEqual(all.filter((n) => n % 2 === 0 && n < 50))
  })

  it('a start fails where receipts differ, and says so', { timeout: 300_000 }, async () => {
    const name = names.parted
    const failure = await (await rig.begin(name)).result().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'LedgerAhead' })
    // The way on that the error names.
    await topics.send(name, 0, numbers(100, 50))
    const from = { offsets: { 0: '50' } }
    await (await rig.begin(name, { fresh: true, from, until: 'latest' })).result()
    expect(await sinks.parted.evens.positions(0)).toEqual(all.filter((n) => n % 2 === 0))
    expect(await sinks.parted.larges.positions(0)).toEqual(all.filter((n) => n >= 100))
  })
})
