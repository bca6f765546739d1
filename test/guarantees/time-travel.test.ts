/**
 * The promise: history is a log of checkpoints that one can read, prove and go back to, across any number of
 * continue-as-new. Every checkpoint is listed; executed once more, each gives the digests it has; a step that gives something
 * else is found and named; a rewind, to one of them or to a savepoint, writes again what it says, with the state of that time, and nothing else; and a fork writes
 * that beside it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Pipeline } from 'tidemark'
import type { CheckpointInfo } from 'tidemark/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type * as Cli from '../../src/cli/run.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { captured } from '../unit/cli/captured.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { Topics } from './topics.js'

const PARTITIONS = 2
const RUNS = 4
const sums = uniqueName('travel-sums')
const stamped = uniqueName('travel-stamped')
const forked = uniqueName('travel-forked')
/** With a step of another id: what it kept is let go. */
const renamed = uniqueName('travel-renamed')
let directory: string
let output: Output
let topics: Topics
let rig: Rig
let sent = 0

/** Running totals of each partition's numbers. Every seventh of `stamped` has something in it that no record gave. */
const moduleText = (round: string): string => `
import { definePipeline, json, text } from ${JSON.stringify(import.meta.resolve('tidemark'))}
import { fileSink } from ${JSON.stringify(import.meta.resolve('tidemark/file'))}
import { kafkaSource } from ${JSON.stringify(import.meta.resolve('tidemark/kafka'))}

const totals = (name, stamp, sum = 'sum') => definePipeline({
  name,
  sources: { numbers: kafkaSource({ topic: ${JSON.stringify(sums)}, key: text(), value: json() }) },
  steps: ({ numbers }) => numbers
    .map('start', ({ n }) => ({ n, total: n, stamp: '' }))
    .map('stamp', stamp)
    .reduce(sum, (a, b) => ({ ...b, total: a.total + b.total }))
    .map('round', ${round})
    .to('files', fileSink({ directory: ${JSON.stringify(output.directory)} + '/' + name, origin: true })),
  checkpoint: { interval: '100ms' },
})
export const sums = totals(${JSON.stringify(sums)}, (v) => v)
export const forked = totals(${JSON.stringify(forked)}, (v) => v)
export const renamed = totals(${JSON.stringify(renamed)}, (v) => v, 'other')
export const stamped = totals(${JSON.stringify(stamped)}, (v) => (v.n % 7 === 6 ? { ...v, stamp: Date.now() } : v))
export const tidemark = { kafka: { brokers: ${JSON.stringify(brokers())} } }
`

async function moduleFile(name: string, round = '(v) => v'): Promise<string> {
  const file = join(directory, name)
  await writeFile(file, moduleText(round))
  return file
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-travel-'))
  output = await Output.make()
  topics = new Topics()
  await topics.make(sums, PARTITIONS)
  const file = await moduleFile('pipelines.mjs')
  const module = (await import(pathToFileURL(file).href)) as Readonly<
    Record<'sums' | 'stamped' | 'forked' | 'renamed', Pipeline>
  >
  const pipelines = [module.sums, module.stamped, module.forked, module.renamed]
  // An idle epoch is a checkpoint like others: none while the test looks at them.
  rig = await Rig.start({ pipelines, plugin: { idleInterval: '15m' } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  await output.remove()
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})

async function send(count: number): Promise<void> {
  const values = Array.from({ length: count }, () => JSON.stringify({ n: sent++ }))
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await topics.produce({
      topic: sums,
      messages: values.map((value) => ({ partition, key: `key-${partition}`, value })),
    })
  }
}

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** As built, in this process: starting another for each command would take most of the time. */
async function tidemark(...args: readonly string[]): Promise<Outcome> {
  const { run } = (await import(new URL('../../dist/src/cli/run.js', import.meta.url).href)) as typeof Cli
  const terminal = captured()
  const code = await run([...args, '--address', temporalAddress()], terminal)
  return { code, ...terminal.text }
}

async function checkpoints(name: string, partition: number): Promise<CheckpointInfo[]> {
  const found: CheckpointInfo[] = []
  for await (const one of rig.pipelines.get(name).checkpoints({ partition })) found.push(one)
  return found
}

const sumTo = (n: number): number => (n * (n + 1)) / 2
const grouped = (n: number): string => n.toLocaleString('en-US')
const runsOf = (found: readonly CheckpointInfo[]): number => new Set(found.map(({ runId }) => runId)).size

/** With no code of the pipeline: of each partition every number from `first` on, once, in order, with the sum up to it. */
async function expectTotals(generation: number, first: readonly number[], end: number, name = sums): Promise<void> {
  const lines = (await output.lines(generation)).filter(({ file }) => file.startsWith(name))
  for (const [partition, from] of first.entries()) {
    const own = lines.filter((line) => line.partition === partition)
    const expected = Array.from({ length: end - from }, (_, i) => from + i).map((n) => ({
      n,
      // What is let go is the sum of all before.
      total: sumTo(n) - (name === renamed ? sumTo(from - 1) : 0),
      stamp: '',
    }))
    expect(
      own.map(({ value }) => value),
      `partition ${partition} of generation ${generation}`,
    ).toEqual(expected)
    expect(own.map(({ position }) => position)).toEqual(expected.map(({ n }) => n))
  }
}

const allRead = (name: string) =>
  rig.until(
    name,
    ({ tasks }) => tasks.length === PARTITIONS && tasks.every(({ positions }) => positions['numbers'] === String(sent)),
  )

it('lists, proves and goes back to checkpoints across continue-as-new', { timeout: 480_000 }, async () => {
  await rig.begin(sums, { maxHistoryEvents: 40 })
  for (let runs = 0; runs < RUNS;) {
    for (let i = 0; i < 8; i++) await send(5)
    runs = Math.min(...(await Promise.all([0, 1].map(async (p) => runsOf(await checkpoints(sums, p))))))
  }
  await allRead(sums)

  const [first = [], second = []] = await Promise.all([0, 1].map((partition) => checkpoints(sums, partition)))
  for (const found of [first, second]) {
    expect(runsOf(found)).toBeGreaterThanOrEqual(RUNS)
    expect(found.map(({ epoch }) => epoch)).toEqual(found.map((_, i) => found.length - i))
    for (const [i, { from }] of found.slice(0, -1).entries()) expect(from).toEqual(found[i + 1]?.positions)
    expect(found.reduce((sum, { read }) => sum + read, 0)).toBe(sent)
    expect(found[0]?.stateBytes).toBeGreaterThan(0)
  }
  const listed = await tidemark('checkpoints', sums, '--partition', '0', '--limit', '3')
  expect(listed.out.split('\n')[1]).toMatch(new RegExp(`^main/0 +1/${first.length} `))

  // While it runs, and nothing is written by that.
  const files = await output.files()
  const module = await moduleFile('same.mjs')
  const verified = await tidemark('verify', sums, '--epochs', '1..', '--module', module)
  expect(verified).toMatchObject({ code: 0, err: '' })
  expect(verified.out).toContain(
    `main/0  verified: epochs 1 to ${first.length} of generation 1, ${grouped(sent)} records`,
  )
  expect(verified.out).toContain(
    `main/1  verified: epochs 1 to ${second.length} of generation 1, ${grouped(sent)} records`,
  )
  expect(verified.out).toContain('the newest receipt of files says the same')
  expect(await output.files()).toEqual(files)
  const middle = Math.floor(Math.min(first.length, second.length) / 2)
  const part = ['--epochs', `${middle}..${middle + 2}`, '--json'] as const
  const json = await tidemark('verify', sums, ...part, '--module', module)
  expect(JSON.parse(json.out)).toMatchObject([
    { epochs: 3, difference: null },
    { epochs: 3, difference: null },
  ])

  // Another code of the very same plan is named; here it makes a difference from the first epoch on.
  const tampered = await moduleFile('tampered.mjs', '(v) => ({ ...v, total: v.total + 1 })')
  const changed = await tidemark('verify', sums, '--epochs', '1..', '--module', tampered, '--partition', '0')
  expect(changed).toMatchObject({ code: 1, err: expect.stringContaining(`${sums} differs from its history: main/0`) })
  expect(changed.out).toContain("the code of 'round' is not what ran then")

  const beside = ['--module', tampered, '--against', module, '--from', String(middle), '--partition', '0'] as const
  const shadow = await tidemark('shadow', sums, ...beside, '--json')
  const behind = sent - Number(first.find(({ epoch }) => epoch === middle)?.positions['numbers'])
  expect(JSON.parse(shadow.out)).toMatchObject([{ same: 0, changed: behind, added: 0, removed: 0 }])
  const known = await tidemark('state', sums, 'sum', 'key-0', '--module', module, '--partition', '0', '--json')
  const value = { n: sent - 1, total: sumTo(sent - 1), stamp: '' }
  expect(JSON.parse(known.out)).toMatchObject([{ count: 1, entries: [{ key: ['key-0'], value: [value] }] }])

  // The task itself says the same, without any code of the pipeline.
  const live = await tidemark('state', sums, 'sum', 'key-0', '--live', '--partition', '0', '--json')
  expect(JSON.parse(live.out)).toMatchObject([
    { positions: { numbers: String(sent) }, count: 1, entries: [{ key: ['key-0'], value: [value] }], missing: null },
  ])
  await rig.pipelines.get(sums).pause({ reason: 'a look', partition: 1 })
  const both = await tidemark('state', sums, 'sum', '--live')
  expect(both).toMatchObject({ code: 1, err: expect.stringContaining('nobody has the state of main/1 in memory') })
  expect(both.out).toContain(`main/0  sum at numbers ${grouped(sent)}: 1 entry`)
  expect(both.out).toContain('main/1  sum: it is paused: a look')
  await rig.pipelines.get(sums).resume({ partition: 1 })
  await expect(rig.pipelines.get(sums).state('round')).rejects.toThrow("step 'round' keeps no state")
  await expect(rig.pipelines.get(sums).state('rund')).rejects.toThrow(
    "there is no step 'rund'; it has start, stamp, sum",
  )

  const begins = [first, second].map((found) =>
    Number(found.find(({ epoch }) => epoch === middle)?.positions['numbers']),
  )
  const there = ['--from', String(middle), '--until', 'latest'] as const
  const forks = await Promise.all([
    tidemark('fork', sums, '--as', forked, ...there),
    tidemark('fork', sums, '--as', renamed, ...there, '--allow-non-restored-state'),
  ])
  for (const fork of forks) expect(fork).toMatchObject({ code: 0, err: '' })
  for (const name of [forked, renamed]) {
    await rig.pipelines.get(name).result()
    await expectTotals(1, begins, sent, name)
  }

  const to = ['--to', String(middle)] as const
  const asked = await tidemark('rewind', sums, ...to)
  expect(asked).toMatchObject({ code: 2, err: expect.stringContaining('next: to do it, give --yes') })
  const again = begins.reduce((sum, position) => sum + sent - position, 0)
  expect(asked.out).toContain(`outputs of ${grouped(again)} records of 2 tasks will be written again`)
  expect(asked.out).toContain(`files: file, directory ${output.directory}`)
  expect((await rig.status(sums)).incarnation, 'nothing was done').toBe(1)

  const before = sent
  expect(await tidemark('rewind', sums, ...to, '--yes')).toMatchObject({ code: 0, err: '' })
  await rig.until(sums, ({ incarnation, tasks }) => incarnation === 2 && tasks.every((task) => task.generation === 2))
  await send(10)
  await allRead(sums)

  // A savepoint of a pipeline that runs, and goes on: each task at its newest checkpoint.
  const kept = sent
  expect(await tidemark('savepoint', 'create', sums, 'kept')).toMatchObject({ code: 0, err: '' })
  await send(10)
  await allRead(sums)
  const end = sent
  await expect.poll(async () => (await tidemark('savepoint', 'list', sums)).out, { timeout: 30_000 }).toMatch(/^kept /m)
  expect(await tidemark('rewind', sums, '--to', 'kept', '--yes')).toMatchObject({ code: 0, err: '' })
  await rig.until(sums, ({ incarnation, tasks }) => incarnation === 3 && tasks.every((task) => task.generation === 3))
  await allRead(sums)
  await rig.pipelines.get(sums).drain()
  await expectTotals(3, [kept, kept], end)
  await expectTotals(2, begins, end)
  await expectTotals(1, [0, 0], before)
  expect(await tidemark('savepoint', 'delete', sums, 'kept')).toMatchObject({ code: 0, err: '' })
  expect(await tidemark('rewind', sums, '--to', 'kept')).toMatchObject({
    code: 1,
    err: expect.stringContaining('kept'),
  })
})

it('finds a step that is not deterministic, and names it', { timeout: 300_000 }, async () => {
  await send(20)
  const started = await rig.begin(stamped, { until: 'latest', maxHistoryEvents: 40 })
  await started.result()
  const module = await moduleFile('stamped.mjs')
  const { code, out, err } = await tidemark('verify', stamped, '--epochs', '1..', '--module', module)
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('main/0, main/1') })
  expect(out).toMatch(/^main\/0 {2}differs\n {2}epoch \d+, ledger 'files': recorded digest [0-9a-f]{32}$/m)
  expect(out).toContain("'stamp' makes something else of the same records each time")
})
