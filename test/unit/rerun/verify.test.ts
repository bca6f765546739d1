import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkpointAt } from '../../../src/control/checkpoint-at.js'
import type { EpochRange } from '../../../src/control/recorded-epochs.js'
import { count } from '../../../src/definition/aggregators/index.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { type Verdict, verifyTask } from '../../../src/rerun/verify.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'
import { hostOf } from '../engine/task.js'
import { windowedDigits } from '../engine/windowed-digits.js'
import { MemoryStore } from '../state/memory-store.js'
import { RecordedTask } from './recorded-task.js'

let log: LogSource
let out: BreakableSink
let recorded: RecordedTask
const all: EpochRange = { generation: null, from: 1, to: null }

/** Numbers through two steps into running sums per last digit. */
function sums(odd: (n: number) => number, backend = false, store = new MemoryStore()): Pipeline {
  const memory = { kind: 'memory', describe: 'a map', retainMs: 1_000, open: async () => store }
  return definePipeline({
    name: 'sums',
    sources: { numbers: log.source() },
    ...(backend && { state: { backend: memory } }),
    steps: ({ numbers }) =>
      numbers
        .map('plain', (n) => n)
        .map('odd', odd)
        .keyBy('digit', (n) => Math.floor(n) % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .reduce('sum', (a, b) => a + b)
        .map('text', (n) => `sum ${n}`)
        .to('out', out.sink()),
  })
}

/** Five epochs in three runs. */
async function record(pipeline: Pipeline): Promise<void> {
  recorded = new RecordedTask(pipeline)
  await recorded.begin()
  for (const values of [[1, 2, 11], [21], [3, 12], [31, 41], [5]]) {
    log.append(...values)
    await recorded.readAll(log)
    if (values.length === 2) recorded.continueAsNew()
  }
  await recorded.task.lose()
}

async function verify(pipeline: Pipeline, range: Partial<EpochRange> = {}): Promise<Verdict> {
  const blueprint = blueprintOf(pipeline)
  const [stage] = blueprint.stages
  if (stage === undefined) throw new Error('no stage')
  const task = { stage: 'main', partition: 0 }
  const { client } = recorded
  return await verifyTask({ client, host: hostOf(), blueprint, stage, task, range: { ...all, ...range } })
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
})
afterEach(() => recorded.task.lose())

describe('the digest chain', () => {
  test.each([false, true])(
    'is the same again, from any epoch, across continue-as-new (backend: %s)',
    async (backend) => {
      const store = new MemoryStore()
      const pipeline = sums((n) => n, backend, store)
      await record(pipeline)
      const { receipts, did } = { receipts: [...out.receipts], did: [...out.did] }
      const put = [...store.blobs.keys()]
      const { epoch } = recorded.task.state.checkpoint
      const ledgers = { matching: ['out'], ahead: [], differing: [] }
      expect(await verify(pipeline)).toEqual({
        stage: 'main',
        partition: 0,
        generation: 1,
        epochs: epoch,
        from: 1,
        to: epoch,
        records: 9,
        runs: 3,
        ledgers,
        difference: null,
      })
      for (let from = 2; from <= epoch; from++) {
        expect(await verify(pipeline, { from })).toMatchObject({ epochs: epoch - from + 1, difference: null })
      }
      expect(await verify(pipeline, { from: 2, to: 3 })).toMatchObject({ epochs: 2, ledgers: null, difference: null })
      expect({ receipts: out.receipts, did: out.did }, 'nothing was opened, fenced or written').toEqual({
        receipts,
        did,
      })
      expect([...store.blobs.keys()]).toEqual(put)
    },
  )

  test('of a task that has not come so far is nothing; of histories that are gone, an error', async () => {
    await record(sums((n) => n))
    expect(
      await verify(
        sums((n) => n),
        { from: 99 },
      ),
    ).toMatchObject({ epochs: 0, from: null, difference: null })
    recorded.runs.delete('run-1')
    await expect(verify(sums((n) => n))).rejects.toMatchObject({ code: 'CheckpointNotFound' })
    expect(
      await verify(
        sums((n) => n),
        { from: recorded.task.state.checkpoint.epoch },
      ),
    ).toMatchObject({ epochs: 1 })
  })

  test('of a generation that a rewind began in the midst of the numbers: all of it', async () => {
    const pipeline = sums((n) => n)
    await record(pipeline)
    const { task, client } = recorded
    const at = { pipeline: 'sums', stage: 'main', partition: 0 }
    const { state } = await checkpointAt(client, at, { epoch: 2, generation: 1 })
    const checkpoint = { ...state.checkpoint, ledgers: {} }
    const begun = { generation: 2, claim: 0, origin: checkpoint.positions, checkpoint, session: null, scheduled: null }
    task.state = { ...state, ...begun }
    recorded.continueAsNew()
    await task.claim()
    await recorded.readAll(log)
    await task.lose()
    const { epoch } = task.state.checkpoint
    expect(await verify(pipeline, { generation: 2 })).toMatchObject({
      generation: 2,
      from: 3,
      to: epoch,
      difference: null,
    })
  })

  test('holds over timers, windows and the end of a bounded run', async () => {
    const pipeline = definePipeline({
      name: 'windows',
      sources: { numbers: log.source() },
      steps: ({ numbers }) => {
        const keyed = numbers
          .eventTime('when', (n) => n * 10, { maxDisorder: 0 })
          .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        const alarms = keyed.stateful('alarm', {
          init: () => 0,
          onRecord: (n, state, ctx) => (state.set(n), ctx.timers.atProcessingTime('t', ctx.now + 1), [n]),
          onTimer: (state) => [-state.get()],
        })
        return [alarms.to('alarms', out.sink()), keyed.window('w', tumbling(50), count()).to('windows', out.sink())]
      },
    })
    recorded = new RecordedTask(pipeline, { until: '7' })
    await recorded.begin()
    for (const values of [[1, 2], [7, 8, 9], [14], [20]]) {
      log.append(...values)
      await recorded.readAll(log)
      recorded.continueAsNew()
      // Without a record: what a timer gives is all there is.
      await recorded.epoch()
    }
    expect((await recorded.task.session.run(recorded.task.epochInput({ checkpointMs: 20, idleMs: 50 }))).ended).toBe(
      'until',
    )
    await recorded.task.lose()
    expect(out.values.filter((value) => typeof value === 'number' && value < 0).length, 'timers').toBeGreaterThan(1)
    const verdict = await verify(pipeline)
    expect(verdict).toMatchObject({ to: recorded.task.state.checkpoint.epoch, records: 7, difference: null })
  })
})

test('an end that was committed, lost, and not asked for again is executed again as it was', async () => {
  const pipeline = windowedDigits(log, out)
  recorded = new RecordedTask(pipeline)
  await recorded.begin()
  log.append(1, 2, 11)
  await recorded.task.lostEpoch({ until: { numbers: '3' } })
  await recorded.task.claim()
  // The next start has no end.
  expect(await recorded.epoch()).toMatchObject({ ended: 'caught-up', closed: true })
  log.append(60)
  await recorded.readAll(log)
  await recorded.task.lose()
  expect(await verify(pipeline)).toMatchObject({ records: 4, difference: null })
})

describe('what differs is found and named', () => {
  test('a step that draws random numbers, in the epoch that has it first', async () => {
    const random = (n: number): number => (n === 12 ? n + Math.random() : n)
    await record(sums(random))
    const { difference, epochs } = await verify(sums(random))
    expect(difference).toMatchObject({ cause: 'non-deterministic', steps: ['odd'], ledger: 'out', epoch: epochs + 1 })
    expect(difference?.found).not.toBe(difference?.expected)
    // Whoever begins behind it finds nothing.
    expect((await verify(sums(random), { from: (difference?.epoch ?? 0) + 1 })).difference).toBeNull()
  })

  test('one that reads what changes once a year', async () => {
    let then: number | null = 2001
    const year = (n: number): number => n + (then ?? new Date().getFullYear())
    await record(sums(year))
    then = null
    expect((await verify(sums(year))).difference).toMatchObject({
      cause: 'non-deterministic',
      steps: ['odd'],
      epoch: 1,
    })
    expect(Date.now()).toBeLessThan(new Date().getTime() + 1)
  })

  test('one whose code was changed', async () => {
    await record(sums((n) => n))
    const { difference } = await verify(sums((n) => n + 10))
    expect(difference).toMatchObject({ cause: 'changed', steps: ['odd'], epoch: 1 })
  })

  test('an encoder of a sink', async () => {
    let calls = 0
    const pipeline = definePipeline({
      name: 'sums',
      sources: { numbers: log.source() },
      steps: ({ numbers }) => numbers.to('out', out.sink<number>({ encode: ({ value }) => `${value} ${calls++}` })),
    })
    await record(pipeline)
    expect((await verify(pipeline)).difference).toMatchObject({ cause: 'non-deterministic', steps: ['out'], epoch: 1 })
  })

  test('another value from outside; that it was the code can not be told', async () => {
    let rate = 1
    const rated = (n: number): number => n * rate
    await record(sums(rated))
    rate = 2
    expect((await verify(sums(rated))).difference).toMatchObject({ cause: 'unknown', steps: [], epoch: 1 })
  })

  test('a digest that was changed in history, and one in the ledger', async () => {
    const pipeline = sums((n) => n)
    recorded = new RecordedTask(pipeline)
    await recorded.begin()
    log.append(1, 2)
    await recorded.readAll(log)
    const forged = 'f'.repeat(32)
    const { epoch } = recorded.task.state.checkpoint
    recorded.tamper = (result) => ({ ...result, ledgers: { out: { seq: 99, digest: forged } } })
    log.append(3)
    await recorded.epoch()
    await recorded.task.lose()
    const { difference } = await verify(pipeline)
    expect(difference).toMatchObject({ cause: 'unknown', expected: forged, epoch: epoch + 1 })
    // The range before it is as it was, but the ledger has gone on.
    expect(await verify(pipeline, { to: epoch })).toMatchObject({ difference: null, ledgers: null })
  })

  test('a ledger that says something else than the newest checkpoint', async () => {
    const pipeline = sums((n) => n)
    await record(pipeline)
    const receipt = out.newest
    const [stage] = blueprintOf(pipeline).stages
    const sinks = stage?.sinks.map((node) => ({
      ...node,
      sink: { ...node.sink, inspect: async () => receipt && { ...receipt, digest: '0'.repeat(32) } },
    }))
    if (stage === undefined || sinks === undefined) throw new Error('no stage')
    const blueprint = { ...blueprintOf(pipeline), stages: [{ ...stage, sinks: sinks as typeof stage.sinks }] }
    const { client } = recorded
    const task = { stage: 'main', partition: 0 }
    const [own = stage] = blueprint.stages
    const verdict = await verifyTask({ client, host: hostOf(), blueprint, stage: own, task, range: all })
    expect(verdict).toMatchObject({ difference: null, ledgers: { differing: ['out'] } })
  })
})

test('records that are gone are no difference, but an error', async () => {
  await record(sums((n) => n))
  log.lostBelow = 4
  const failure = await verify(sums((n) => n)).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: expect.stringMatching(/SourceChanged|NotCaughtUp|PositionLost/) })
})
