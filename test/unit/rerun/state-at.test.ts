import picocolors from 'picocolors'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { plainJson } from '../../../src/definition/plain-json.js'
import { stateView } from '../../../src/cli/views/state-view.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { count } from '../../../src/definition/aggregators/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { text } from '../../../src/definition/serdes/index.js'
import { type StateAt, stateAt, type StateReading } from '../../../src/rerun/state-at.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'
import { hostOf } from '../engine/task.js'
import { MemoryStore } from '../state/memory-store.js'
import { RecordedTask } from './recorded-task.js'

let log: LogSource
let store: MemoryStore
let recorded: RecordedTask

const seen = (backed: boolean): Pipeline =>
  definePipeline({
    name: 'seen',
    sources: { numbers: log.source() },
    ...(backed && {
      state: { backend: { kind: 'memory', describe: 'a map', retainMs: 1_000, open: async () => store } },
    }),
    steps: ({ numbers }) =>
      numbers
        .map('same', (n) => n)
        .keyBy('name', (n) => (n % 2 === 0 ? 'grün' : 'odd'), { key: text(), alreadyPartitioned: true })
        .stateful('last', {
          init: () => new Set<number>(),
          onRecord: (n, state, ctx) => {
            state.set(new Set([...state.get(), n]))
            ctx.timers.atProcessingTime('far', 9_999_999)
            return [n]
          },
          onTimer: () => [],
        })
        .to('out', new BreakableSink('out').sink()),
  })

async function read(backed: boolean, more: Partial<StateReading> = {}): Promise<StateAt> {
  const blueprint = blueprintOf(seen(backed))
  const [stage] = blueprint.stages
  if (stage === undefined) throw new Error('no stage')
  const code = { host: hostOf(), blueprint, stage }
  const task = { stage: 'main', partition: 0 }
  return await stateAt({ client: recorded.client, code, task, step: 'last', at: 'newest', limit: 10, ...more })
}

beforeEach(() => {
  log = new LogSource()
  store = new MemoryStore()
})
afterEach(() => recorded.task.lose())

test.each([false, true])(
  'what a step knew, at the newest checkpoint and at older ones (backend: %s)',
  async (backed) => {
    recorded = new RecordedTask(seen(backed))
    await recorded.begin()
    for (const value of [1, 2, 3]) {
      log.append(value)
      await recorded.readAll(log)
      recorded.continueAsNew()
    }
    const wanted = { pipeline: 'seen', stage: 'main', partition: 0, step: 'last', limit: 10 }
    const live = await recorded.task.session.look(wanted)
    await recorded.task.lose()
    const puts = store.puts
    const { epoch } = recorded.task.state.checkpoint
    const newest = await read(backed)
    // The same of the task that runs.
    expect(live).toMatchObject({ generation: 1, epoch, positions: { numbers: '3' }, count: 4 })
    expect(live.entries).toEqual(plainJson(newest.entries))
    expect(newest).toMatchObject({ step: 'last', stage: 'main', partition: 0, generation: 1, epoch, count: 4 })
    expect(newest.entries.filter(({ table }) => !table.includes('timers'))).toEqual([
      { table: expect.any(String), key: ['grün'], value: new Set([2]) },
      { table: expect.any(String), key: ['odd'], value: new Set([1, 3]) },
    ])
    expect(newest.entries.filter(({ table }) => table.includes('timers')).map(({ key }) => key)).toEqual([
      ['grün', 'far'],
      ['odd', 'far'],
    ])
    const first = await read(backed, { at: { epoch: 1, generation: null }, key: 'odd' })
    expect(first).toMatchObject({ epoch: 1, count: 2, entries: [{ value: 9_999_999 }, { value: new Set([1]) }] })
    expect(await read(backed, { limit: 1 })).toMatchObject({ count: 4, entries: [{}] })
    expect(store.puts, 'nothing is written').toBe(puts)

    await expect(read(backed, { step: 'same' })).rejects.toThrow(
      "step 'same' keeps no state in stage 'main'; these do: last",
    )
    await expect(read(backed, { at: { epoch: 99, generation: null } })).rejects.toMatchObject({
      code: 'CheckpointNotFound',
    })
    const lines = stateView(await read(backed, { limit: 3 }), picocolors.createColors(false)).split('\n')
    expect(lines[0]).toMatch(new RegExp(`^main/0 {2}last at 1/${epoch}.*: 4 entries$`))
    expect(lines[4]).toMatch(/^ {2}grün +\S+ +\[2\]$/)
    expect(lines.at(-1)).toBe('  and 1 more')
  },
)

test("windows are found by their records' key, each with its start", async () => {
  const windows = definePipeline({
    name: 'seen',
    sources: { numbers: log.source() },
    steps: ({ numbers }) =>
      numbers
        .eventTime('when', (n) => n, { maxDisorder: 100 })
        .keyBy('name', (n) => (n % 2 === 0 ? 'a b' : 'odd'), { key: text(), alreadyPartitioned: true })
        .window('w', tumbling(10), count())
        .to('out', new BreakableSink('out').sink()),
  })
  recorded = new RecordedTask(windows)
  await recorded.begin()
  log.append(1, 12, 14)
  await recorded.readAll(log)
  const blueprint = blueprintOf(windows)
  const [stage] = blueprint.stages
  if (stage === undefined) throw new Error('no stage')
  const found = await stateAt({
    client: recorded.client,
    code: { host: hostOf(), blueprint, stage },
    task: { stage: 'main', partition: 0 },
    step: 'w',
    key: 'a b',
    at: 'newest',
    limit: 10,
  })
  expect(found.entries).toEqual([
    { table: 'windows', key: ['a b', '10'], value: expect.objectContaining({ start: 10 }) },
  ])
})

test('values that JSON lacks are shown as people would write them', () => {
  const value = { at: new Date(0), big: 5n, map: new Map([['a', new Set([1n])]]), bytes: Buffer.from('hi') }
  expect(JSON.stringify(plainJson(value))).toBe(
    '{"at":"1970-01-01T00:00:00.000Z","big":"5","map":[["a",["1"]]],"bytes":"aGk="}',
  )
})

test('what was kept with other settings is refused, and not shown as nothing', async () => {
  const of = (ttl?: number): Pipeline =>
    definePipeline({
      name: 'seen',
      sources: { numbers: log.source() },
      steps: ({ numbers }) =>
        numbers
          .keyBy('name', () => 'all', { key: text(), alreadyPartitioned: true })
          .count('last', ttl === undefined ? {} : { ttl })
          .to('out', new BreakableSink('out').sink()),
    })
  recorded = new RecordedTask(of())
  await recorded.begin()
  log.append(1)
  await recorded.readAll(log)
  const codeOf = (pipeline: Pipeline): StateReading['code'] => {
    const blueprint = blueprintOf(pipeline)
    const [stage] = blueprint.stages
    if (stage === undefined) throw new Error('no stage')
    return { host: hostOf(), blueprint, stage }
  }
  expect(await read(false, { code: codeOf(of()) })).toMatchObject({ count: 1, entries: [{ key: ['all'], value: 1 }] })
  const refused = read(false, { code: codeOf(of(1_000)) })
  await expect(refused).rejects.toMatchObject({
    code: 'PlanIncompatible',
    details: { steps: ["'last values': kept plain, this is ttl"] },
  })
})
