import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dropSavepoint } from '../../../src/control/drop-savepoint.js'
import { keepCheckpoint } from '../../../src/control/keep-checkpoint.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import type { Rewind } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'
import { Task } from '../engine/task.js'
import { RecordedTask } from '../rerun/recorded-task.js'
import { MemoryStore } from '../state/memory-store.js'
import { contextOf } from './contexts.js'
import { outputsFrom, takenOver } from './going-on.js'
import { KeptTasks } from './kept-tasks.js'

const { signal } = new AbortController()

let log: LogSource
let out: BreakableSink
/** By the task's place: of its pipeline, its stage and its partition. */
let stores: Map<string, MemoryStore>
let recorded: RecordedTask
let server: KeptTasks
const tasks: Task[] = []

const storeOf = (place: string): MemoryStore => {
  const store = stores.get(place) ?? new MemoryStore()
  stores.set(place, store)
  return store
}

/** A backend `other maps` has stores of its own. */
const counts = (backed: boolean, name = 'counts', sink = out, where = 'maps'): Pipeline =>
  definePipeline({
    name,
    sources: { numbers: log.source() },
    ...(backed && {
      state: {
        backend: {
          kind: 'memory',
          describe: where,
          retainMs: 1_000,
          open: async ({ pipeline, stage, partition }) =>
            storeOf(`${where === 'other maps' ? 'other/' : ''}${pipeline}/${stage}/${partition}`),
        },
      },
    }),
    steps: ({ numbers }) =>
      numbers
        .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .count('count')
        .to('out', sink.sink()),
  })

async function read(...values: readonly number[]): Promise<void> {
  for (const value of values) {
    log.append(value)
    await recorded.readAll(log)
  }
}

const first = { pipeline: 'counts', label: 'before', atRest: null }
const saved = { ...first, id: 'a1' }
const place = { stage: 'main', partition: 0 }

async function keep(pipeline: Pipeline, id = 'a1', runId = 'run-a1') {
  return await keepCheckpoint(contextOf([pipeline], server.client), { ...saved, ...place, id }, runId, signal)
}

async function drop(pipeline: Pipeline, id = 'a1', of = [place]): Promise<void> {
  await dropSavepoint(contextOf([pipeline], server.client), { ...saved, id, tasks: of }, signal)
}

async function save(pipeline: Pipeline, id = 'a1'): Promise<void> {
  const kept = await keep(pipeline, id, `run-${id}`)
  const { epoch } = recorded.task.state.checkpoint
  expect(kept).toMatchObject({ stage: 'main', partition: 0, generation: 1, epoch })
  expect(kept.bytes).toBeGreaterThan(0)
  server.complete('counts', 'before', [kept], id)
}

async function start(pipeline: Pipeline, rewind: Partial<Rewind> = {}, partition = 0): Promise<TaskState> {
  const to: Rewind = { to: { savepoint: 'before' }, stage: null, partition: null, ...rewind }
  const input = { until: null, fresh: false, from: null, rewind: to }
  return await takenOver(contextOf([pipeline], server.client), pipeline, input, partition)
}

async function goOn(pipeline: Pipeline, state: TaskState, sink = out): Promise<readonly unknown[]> {
  const task = new Task(pipeline)
  tasks.push(task)
  return await outputsFrom(task, state, log, sink)
}

async function record(pipeline: Pipeline): Promise<void> {
  recorded = new RecordedTask(pipeline)
  tasks.push(recorded.task)
  await recorded.begin()
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  stores = new Map()
  server = new KeptTasks(() => recorded.client)
})
afterEach(async () => {
  for (const task of tasks.splice(0)) await task.lose()
})

describe.each([['in history', false] as const, ['in a backend', true] as const])(
  'a savepoint, state %s',
  (_, backed) => {
    test('of a task that goes on is gone back to when histories and segments are gone', async () => {
      const pipeline = counts(backed)
      await record(pipeline)
      await read(1, 11, 2)
      await save(pipeline)
      await read(21, 12, 1)
      await recorded.task.lose()
      const behind = out.values.slice(3)
      // As the namespace's retention and a sweep leave it.
      recorded.runs.clear()
      storeOf('counts/main/0').blobs.clear()
      const state = await start(pipeline)
      expect(state).toMatchObject({ generation: 2, claim: 0, phase: 'running', checkpoint: { ledgers: {} } })
      expect(state.origin).toEqual({ numbers: '3' })
      expect(await goOn(pipeline, state)).toEqual(behind)
    })

    test('is forked from, and goes on in places of its own', async () => {
      const pipeline = counts(backed)
      await record(pipeline)
      recorded.name = 'counts'
      await read(1, 11)
      await save(pipeline)
      await read(21, 31)
      const own = new BreakableSink('out')
      const fork = counts(backed, 'fork', own)
      const state = await start(fork, { of: 'counts' })
      expect(state).toMatchObject({ pipeline: 'fork', generation: 1, origin: { numbers: '2' } })
      expect(await goOn(fork, state, own)).toEqual(out.values.slice(2))
      expect(storeOf('fork/main/0').puts > 0).toBe(backed)
    })

    test('made again is the newer one; deleted, nothing of it is left', async () => {
      const pipeline = counts(backed)
      await record(pipeline)
      await read(1, 11)
      await save(pipeline)
      await read(21)
      await save(pipeline)
      expect((await start(pipeline)).origin).toEqual({ numbers: '3' })
      const copies = storeOf('counts/savepoint.before.a1.main/0')
      expect(copies.blobs.size > 0).toBe(backed)
      await drop(pipeline)
      expect(copies.blobs.size).toBe(0)
      expect([...server.kept.values()].map(({ open }) => open)).toEqual([false])
      await expect(start(pipeline)).rejects.toMatchObject({ code: 'SavepointNotFound' })
      // Nothing was there to be deleted: what comes again is no error.
      await drop(pipeline, 'a1', [{ stage: 'main', partition: 7 }])
    })

    test('is not touched by an attempt at an older one of its label that stood still meanwhile', async () => {
      const pipeline = counts(backed)
      await record(pipeline)
      await read(1, 11)
      await save(pipeline, 'a1')
      await drop(pipeline, 'a1')
      await read(21)
      await save(pipeline, 'b2')
      await read(2)
      server.ended.add('run-a1')
      // They wake up.
      await expect(keep(pipeline, 'a1')).rejects.toMatchObject({ code: 'SavepointNotFound' })
      await drop(pipeline, 'a1')
      expect(storeOf('counts/savepoint.before.a1.main/0').blobs.size).toBe(0)
      expect([...server.kept].filter(([, { open }]) => open).map(([id]) => id)).toEqual([
        'tidemark/counts/savepoint/before/main/0/b2',
      ])
      const behind = out.values.slice(3)
      await recorded.task.lose()
      recorded.runs.clear()
      storeOf('counts/main/0').blobs.clear()
      const state = await start(pipeline)
      expect(state.origin).toEqual({ numbers: '3' })
      expect(await goOn(pipeline, state)).toEqual(behind)
    })

    test('of the time before they had ids of their own is gone back to and deleted like any other', async () => {
      const pipeline = counts(backed)
      await record(pipeline)
      await read(1, 11)
      const kept = await keepCheckpoint(contextOf([pipeline], server.client), { ...first, ...place }, 'run', signal)
      server.complete('counts', 'before', [kept])
      expect((await start(pipeline)).origin).toEqual({ numbers: '2' })
      const copies = storeOf('counts/savepoint.before.main/0')
      expect(copies.blobs.size > 0).toBe(backed)
      await dropSavepoint(contextOf([pipeline], server.client), { ...first, tasks: [place] }, signal)
      expect([copies.blobs.size, [...server.kept.values()].map(({ open }) => open)]).toEqual([0, [false]])
    })
  },
)

test('a start that had no time to copy all of a savepoint goes on where it was, and what is copied is not deleted meanwhile', async () => {
  const pipeline = counts(true)
  await record(pipeline)
  await read(1, 11, 2)
  await save(pipeline)
  const [from, to] = [storeOf('counts/savepoint.before.a1.main/0'), storeOf('fork/main/0')]
  const keys = [...from.blobs.keys()]
  expect(keys.length).toBeGreaterThan(1)
  from.now = to.now = Date.now()
  const get = from.get.bind(from)
  const got: string[] = []
  from.get = async (key) => {
    got.push(key)
    if (got.length === 2) throw new Error('out of time')
    return await get(key)
  }
  recorded.name = 'counts'
  const fork = counts(true, 'fork', new BreakableSink('out'))
  await expect(start(fork, { of: 'counts' })).rejects.toThrow('out of time')
  expect([...from.blobs.values()].map(({ at }) => at)).toEqual(keys.map(() => from.now))
  await start(fork, { of: 'counts' })
  expect(got).toEqual([keys[0], ...keys.slice(1, 2), ...keys.slice(1)])
})

test('what is spoilt where a task goes back comes from the savepoint, also where a try before has told that all of it is young', async () => {
  const pipeline = counts(true)
  await record(pipeline)
  await read(1, 11, 2)
  await save(pipeline)
  const task = storeOf('counts/main/0')
  task.now = Date.now()
  const [spoilt] = storeOf('counts/savepoint.before.a1.main/0').blobs.keys()
  if (spoilt === undefined) throw new Error('no segment')
  await task.put(spoilt, Buffer.from('not what its key says'))
  const { epoch } = recorded.task.state.checkpoint
  const found = await start(pipeline, { to: { epoch, generation: null } })
  await expect(goOn(pipeline, found)).rejects.toThrow(`segment ${spoilt}`)
  const mended = await start(pipeline)
  log.append(1)
  expect(await goOn(pipeline, mended)).toEqual([3])
})

test('an attempt that stood still until another one was through changes nothing of what that has kept', async () => {
  const pipeline = counts(true)
  await record(pipeline)
  await read(1, 11)
  await save(pipeline)
  await read(21)
  server.whole.add('run-a1')
  await expect(keep(pipeline, 'a1')).rejects.toMatchObject({ code: 'SavepointNotFound' })
  expect((await start(pipeline)).origin).toEqual({ numbers: '2' })
  expect(storeOf('counts/savepoint.before.a1.main/0').blobs.size).toBeGreaterThan(0)
})

describe('a savepoint is deleted when the definition has another state backend, or none any more', () => {
  test.each([
    ['none', () => counts(false)],
    ['another', () => counts(true, 'counts', out, 'other maps')],
  ])('%s: says where the copies are that it leaves, and takes away the rest', async (_, later) => {
    const pipeline = counts(true)
    await record(pipeline)
    await read(1, 11)
    await save(pipeline)
    const places = [{ stage: 'savepoint.before.a1.main', partition: 0, backend: 'maps' }]
    const left = drop(later())
    await expect(left).rejects.toMatchObject({ code: 'SavepointCopiesLeft', details: { places } })
    await expect(left).rejects.toThrow('counts/savepoint.before.a1.main/0 in maps')
    expect([...server.kept.values()].map(({ open }) => open)).toEqual([false])
    expect(storeOf('counts/savepoint.before.a1.main/0').blobs.size).toBeGreaterThan(0)
  })

  test('of a new name, with the same content: they are removed', async () => {
    const pipeline = counts(true)
    await record(pipeline)
    await read(1, 11)
    await save(pipeline)
    await drop(counts(true, 'counts', out, 'maps, moved'))
    expect(storeOf('counts/savepoint.before.a1.main/0').blobs.size).toBe(0)
  })

  test('of state that lies in history: nothing is left, and nothing said', async () => {
    const pipeline = counts(false)
    await record(pipeline)
    await read(1, 11)
    await save(pipeline)
    await drop(counts(true))
    await save(pipeline)
    await drop(pipeline)
  })
})

test('a partition that was added since begins at earliest; what nobody has kept is told', async () => {
  const pipeline = counts(false)
  await record(pipeline)
  await read(1, 11)
  await expect(start(pipeline)).rejects.toMatchObject({ code: 'SavepointNotFound' })
  await save(pipeline)
  await read(2)
  const added = await start(pipeline, {}, 1)
  expect(added).toMatchObject({ partition: 1, generation: 2, origin: { numbers: '0' }, checkpoint: { epoch: 0 } })
  expect(added.checkpoint.state).toBeUndefined()
})
