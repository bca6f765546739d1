/**
 * A bad record stops its partition only, unless `onError` says otherwise: status and Web UI name its coordinates and the
 * reason, nothing after it is processed or lost, and `resume` tries again.
 */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadLetter, definePipeline, json, type Pipeline, type PipelineOptions } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { numbers, Topics, type Value } from './topics.js'

/** What makes a record bad, and what is told of it. One partition each. */
const kinds = [
  { value: '{"n":', code: 'DecodeFailed', step: null, reason: 'not JSON: 5 characters' },
  {
    value: '{"n":"five"}',
    code: 'DecodeFailed',
    step: null,
    reason: 'n: Invalid input: expected number, received string',
  },
  {
    value: null,
    code: 'DecodeFailed',
    step: null,
    reason: 'a tombstone (null value); wrap the serde in nullable() to accept it',
  },
  { value: '{"n":-1}', code: 'StepFailed', step: 'same', reason: 'below zero' },
  { value: '{"n":-2}', code: 'RecordRejected', step: 'same', reason: 'not wanted' },
  { value: '{"n":-3}', code: 'StepFailed', step: 'files', reason: 'JSON cannot express undefined' },
] as const satisfies readonly { value: Value; code: string; step: string | null; reason: string }[]

const GOOD = kinds.length
const BAD_AT = 5
const COUNT = 12

function pipelineOf(name: string, directory: string, onError?: PipelineOptions<never, never>['onError']): Pipeline {
  return definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) =>
      read
        .map('same', (value, ctx) => {
          if (value.n === -1) throw new RangeError('below zero')
          if (value.n === -2) ctx.reject('not wanted', { at: 'the door' })
          return value.n === -3 ? undefined : value
        })
        .to('files', fileSink({ directory, origin: true })),
    ...(onError !== undefined && { onError }),
    checkpoint: { interval: '500ms' },
  })
}

/** Throws at `BAD_AT` until the flag file is there, as a service that is down does until it is mended. */
function mendable(name: string, directory: string, flag: string): Pipeline {
  return definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
    steps: ({ numbers: read }) =>
      read
        .map('ask', (value) => {
          if (value.n === BAD_AT && !existsSync(flag)) throw new Error('nobody answers')
          return value
        })
        .to('files', fileSink({ directory, origin: true })),
    checkpoint: { interval: '500ms' },
  })
}

const names = {
  fail: uniqueName('bad-fail'),
  skip: uniqueName('bad-skip'),
  letters: uniqueName('bad-letters'),
  some: uniqueName('bad-some'),
  mended: uniqueName('bad-mended'),
}
type Case = keyof typeof names
const cases = Object.keys(names) as Case[]
const outputs = {} as Record<Case, Output>
let letters: Output
let someLetters: Output
let flag: string
let topics: Topics
let rig: Rig

/** Good records with one of each kind of bad ones at `BAD_AT`, each kind in a partition of its own, and one without. */
async function fillApart(topic: string): Promise<void> {
  await topics.make(topic, kinds.length + 1)
  for (const [partition, { value }] of kinds.entries()) {
    await topics.send(topic, partition, [...numbers(BAD_AT), value, ...numbers(COUNT - BAD_AT - 1, BAD_AT + 1)])
  }
  await topics.send(topic, GOOD, numbers(COUNT))
}

/** All kinds of bad records, from position 1 on with a good one before each, in one partition. */
async function fillTogether(topic: string): Promise<void> {
  await topics.make(topic, 1)
  await topics.send(topic, 0, [
    ...kinds.flatMap(({ value }, i) => [JSON.stringify({ n: 2 * i }), value]),
    ...numbers(3, 12),
  ])
}
const TOGETHER = 2 * kinds.length + 3
const goodTogether = Array.from({ length: TOGETHER }, (_, n) => n).filter((n) => n % 2 === 0 || n >= 2 * kinds.length)

beforeAll(async () => {
  topics = new Topics()
  for (const one of cases) outputs[one] = await Output.make()
  letters = await Output.make()
  someLetters = await Output.make()
  flag = join(outputs.mended.directory, 'it-answers-again')
  await fillApart(names.fail)
  for (const one of ['skip', 'letters', 'some'] as const) await fillTogether(names[one])
  await topics.make(names.mended, 1)
  await topics.send(names.mended, 0, numbers(COUNT))
  const toFile = fileSink({ directory: someLetters.directory })
  const pipelines = [
    pipelineOf(names.fail, outputs.fail.directory),
    pipelineOf(names.skip, outputs.skip.directory, 'skip'),
    pipelineOf(names.letters, outputs.letters.directory, deadLetter(fileSink({ directory: letters.directory }))),
    pipelineOf(names.some, outputs.some.directory, deadLetter(toFile, { when: ({ step }) => step === 'numbers' })),
    mendable(names.mended, outputs.mended.directory, flag),
  ]
  rig = await Rig.start({ pipelines, plugin: { idleInterval: '1s' } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  for (const output of [...Object.values(outputs), letters, someLetters]) await output.remove()
})

const before = Array.from({ length: BAD_AT }, (_, n) => n)

describe.concurrent('a bad record', () => {
  it("stops its partition under 'fail', and no other", { timeout: 300_000 }, async () => {
    const name = names.fail
    await rig.begin(name)
    const parked = await rig.until(
      name,
      ({ tasks }) => tasks.filter((t) => t.state === 'parked').length === kinds.length,
    )
    for (const [partition, { code, step, reason }] of kinds.entries()) {
      const task = parked.tasks[partition]
      expect(task?.problem?.code, `partition ${partition}`).toBe(code)
      const where = `${name}/main: record ${BAD_AT} of partition ${partition} of source 'numbers'`
      expect(task?.problem?.message).toContain(where)
      expect(task?.problem?.message).toContain(reason)
      if (step !== null) expect(task?.problem?.message).toContain(`'${step}'`)
      expect(task?.problem?.next).toContain('resume, or set onError')
      expect(task?.positions).toEqual({ numbers: String(BAD_AT) })
      expect(await outputs.fail.positions(partition)).toEqual(before)
      const details = await detailsOf(task?.workflowId ?? '')
      expect(details, 'the Web UI of the task').toContain(`**${code}**: ${where}`)
      expect(details).toContain('| parked |')
    }
    // A task tells its pipeline when it has parked.
    const overview = await waitUntil(
      async () => {
        const details = await detailsOf(`tidemark/${name}`)
        return details.includes('- main/3: ') ? details : null
      },
      { for: 'the Web UI of the pipeline to tell of it' },
    )
    expect(overview, 'the Web UI of the pipeline').toContain('- main/3: **StepFailed**')
    expect(overview).toContain('below zero')
    // The others go on, and nothing of a parked one does.
    for (let partition = 0; partition <= GOOD; partition++) await topics.send(name, partition, numbers(COUNT, COUNT))
    await rig.until(name, ({ tasks }) => Number(tasks[GOOD]?.positions['numbers']) === 2 * COUNT)
    const after = await rig.status(name)
    expect(after.tasks[GOOD]?.state).toBe('running')
    expect(await outputs.fail.positions(GOOD)).toEqual(Array.from({ length: 2 * COUNT }, (_, n) => n))
    for (const partition of kinds.keys()) expect(await outputs.fail.positions(partition)).toEqual(before)
    await rig.pipelines.get(name).cancel()
  })

  it("is left out and counted under 'skip'", { timeout: 300_000 }, async () => {
    const name = names.skip
    const { counters } = await (await rig.begin(name, { until: 'latest' })).result()
    expect(await outputs.skip.positions(0)).toEqual(goodTogether)
    const written = TOGETHER - kinds.length
    expect(counters).toEqual({ read: TOGETHER, written, skipped: kinds.length, deadLettered: 0 })
  })

  it('becomes a dead letter with coordinates and reason, once', { timeout: 300_000 }, async () => {
    const name = names.letters
    const { counters } = await (await rig.begin(name, { until: 'latest' })).result()
    expect(counters.deadLettered).toBe(kinds.length)
    expect(await outputs.letters.positions(0)).toEqual(goodTogether)
    const told = (await letters.texts()).map((text) => JSON.parse(text) as LetterLine)
    expect(told.map(({ origin, reason, error, step }) => ({ origin, reason, code: error.code, step }))).toEqual(
      kinds.map(({ code, step, reason }, i) => ({
        origin: { source: 'numbers', partition: 0, position: String(2 * i + 1) },
        reason,
        code,
        step: step ?? 'numbers',
      })),
    )
    expect(told.map(({ attempts }) => attempts)).toEqual(kinds.map(() => 1))
    // A second start finds nothing left to do, for the letters' ledger either.
    const again = await (await rig.begin(name, { until: 'latest' })).result()
    expect(again.counters.deadLettered).toBe(kinds.length)
    expect(await letters.texts()).toHaveLength(kinds.length)
  })

  it('stops its partition where `when` wants no letter of it', { timeout: 300_000 }, async () => {
    const name = names.some
    await rig.begin(name)
    const { tasks } = await rig.until(name, ({ tasks: all }) => all[0]?.state === 'parked')
    const undecodable = kinds.filter(({ step }) => step === null).length
    expect(tasks[0]?.positions).toEqual({ numbers: String(2 * undecodable + 1) })
    expect(tasks[0]?.counters.deadLettered).toBe(undecodable)
    expect(await someLetters.texts()).toHaveLength(undecodable)
    await rig.pipelines.get(name).cancel()
  })

  it('is tried again by resume, and goes through once it is mended', { timeout: 300_000 }, async () => {
    const name = names.mended
    await rig.begin(name)
    const first = await rig.until(name, ({ tasks }) => tasks[0]?.state === 'parked')
    expect(first.tasks[0]?.problem?.message).toContain('nobody answers')
    await rig.pipelines.get(name).resume()
    const again = ({ tasks }: typeof first): boolean =>
      tasks[0]?.state === 'parked' && tasks[0].epoch > (first.tasks[0]?.epoch ?? 0)
    const second = await rig.until(name, again, { for: 'it to be tried again' })
    expect(second.tasks[0]?.positions).toEqual({ numbers: String(BAD_AT) })
    expect(await outputs.mended.positions(0)).toEqual(before)
    await writeFile(flag, '')
    await rig.pipelines.get(name).resume({ partition: 0 })
    const mended = await rig.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === COUNT)
    expect(mended.tasks[0]?.problem).toBeNull()
    await rig.pipelines.get(name).drain()
    await outputs.mended.expectNumbers([COUNT])
  })
})

interface LetterLine {
  readonly origin: unknown
  readonly reason: string
  readonly error: { readonly code: string }
  readonly step: string
  readonly attempts: number
}

/** What the Web UI shows of a workflow under "current details". */
async function detailsOf(workflowId: string): Promise<string> {
  const handle = rig.client.workflow.getHandle(workflowId)
  const metadata = await handle.query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata')
  return metadata.currentDetails ?? ''
}
