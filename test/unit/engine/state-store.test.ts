import { mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileState } from '../../../src/connectors/file/index.js'
import { lmdbStore } from '../../../src/connectors/lmdb/index.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import type { StateStore, ValueStore } from '../../../src/definition/state-store.js'
import type { InvalidDefinition } from '../../../src/errors/definition.js'
import { SessionLost } from '../../../src/errors/ownership.js'
import { StateStoreUnavailable } from '../../../src/errors/state.js'
import { waitUntil } from '../../setup/wait-until.js'
import { MemoryStore } from '../state/memory-store.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let log: LogSource
let out: BreakableSink
let segments: MemoryStore
let task: Task
let directory: string

const backend: StateBackend = { kind: 'memory', describe: 'a map', retainMs: 1_000, open: async () => segments }

/** What its sessions have there. */
const left = (): Promise<readonly string[]> => readdir(join(directory, 'unit/counts/main-00000'))

const counting = (store: StateStore, onError: 'fail' | 'skip' = 'fail', segmentsIn = backend): Pipeline =>
  definePipeline({
    name: 'counts',
    sources: { numbers: log.source() },
    onError,
    state: { backend: segmentsIn, store },
    steps: ({ numbers }) =>
      numbers
        .keyBy('itself', (n) => n, { key: json() as Serde<number>, alreadyPartitioned: true })
        .count('count')
        .to('out', out.sink()),
  })

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-store-'))
  log = new LogSource()
  out = new BreakableSink('out')
  segments = new MemoryStore()
})
afterEach(async () => {
  await task.lose()
  await rm(directory, { recursive: true })
})

test('what a session knew is there in the next, which has a directory of its own', async () => {
  task = new Task(counting(lmdbStore({ directory })))
  await task.claim()
  const first = await left()
  expect(first).toHaveLength(1)
  log.append(1, 2, 1)
  await task.epoch({ checkpointMs: 30 })
  log.append(1)
  await task.epoch({ checkpointMs: 30 })
  await task.again()
  const second = await left()
  expect(second).toHaveLength(1)
  expect(second).not.toEqual(first)
  log.append(1, 2)
  await task.epoch({ checkpointMs: 30 })
  expect(out.values).toEqual([1, 1, 2, 3, 4, 2])
  expect(segments.closed).toBe(true)
  await task.lose()
  expect(await left()).toEqual([])
})

test('what a killed session has left goes at the next claim', async () => {
  const dead = join(directory, 'unit/counts/main-00000/values-1-9a1f2c3d-0000-4000-8000-0123456789ab')
  await mkdir(dead, { recursive: true })
  await writeFile(join(dead, 'values.mdb'), 'x')
  task = new Task(counting(lmdbStore({ directory })))
  await task.claim()
  expect(await left()).toEqual([expect.not.stringContaining('values-1-')])
})

test('closed while a segment is on its way, it leaves nothing, and a look is told', async () => {
  task = new Task(counting(lmdbStore({ directory, batch: 0 })))
  await task.claim()
  log.append(1, 2, 1)
  while (out.values.length < 3) await task.epoch({ checkpointMs: 30 })
  log.append(1, 3)
  let onItsWay = false
  segments.put = () => {
    onItsWay = true
    return new Promise(() => undefined)
  }
  const { session } = task
  const epoch = task.epoch()
  epoch.catch(() => undefined)
  await waitUntil(() => out.values.length === 5, { for: 'all to be through' })
  session.interrupt('interrupted')
  await waitUntil(() => onItsWay, { for: 'a segment to be on its way' })
  const looking = { pipeline: 'counts', stage: 'main', partition: 0, step: 'count', limit: 3 }
  expect((await session.look(looking)).entries.map(({ value }) => value)).toEqual([3, 1, 1])
  const closed = task.lose()
  await expect(session.look(looking)).rejects.toBeInstanceOf(SessionLost)
  await closed
  await expect(epoch).rejects.toThrow()
  expect(await left()).toEqual([])
  segments = Object.assign(new MemoryStore(), { blobs: segments.blobs })
  await task.claim()
  while (out.values.length < 6) {
    if (log.end < 6) log.append(1)
    await task.epoch({ checkpointMs: 30 })
  }
  expect(out.values).toEqual([1, 1, 2, 3, 1, 4])
})

test('a state backend may have the same directory', async () => {
  task = new Task(counting(lmdbStore({ directory }), 'fail', fileState({ directory })))
  await task.claim()
  log.append(1, 2)
  while (out.values.length < 2) await task.epoch({ checkpointMs: 30 })
  await task.again()
  log.append(1)
  while (out.values.length < 3) await task.epoch({ checkpointMs: 30 })
  expect(out.values).toEqual([1, 1, 2])
})

/** On disk, and with these in front of its own calls. */
function failing(calls: (values: ValueStore) => Partial<ValueStore>): StateStore {
  const disk = lmdbStore({ directory, batch: '4 KiB' })
  return {
    ...disk,
    async open(ctx) {
      const values = await disk.open(ctx)
      return { ...values, ...calls(values) }
    },
  }
}

describe('a store that fails', () => {
  test.each(['fail', 'skip'] as const)('ends the session, and no record is blamed (onError: %s)', async (onError) => {
    let broken: Error | null = null
    const store = failing((values) => ({
      get(at) {
        if (broken !== null) throw broken
        return values.get(at)
      },
    }))
    task = new Task(counting(store, onError))
    await task.claim()
    // More than what waits in memory to be written.
    log.append(...Array.from({ length: 5_000 }, (_, i) => i))
    while (out.values.length < 5_000) await task.epoch({ checkpointMs: 30 })
    await task.again()
    broken = new Error('EIO')
    const values = [...out.values]
    log.append(1)
    const lost = task.epoch({ checkpointMs: 30 })
    await expect(lost).rejects.toBeInstanceOf(StateStoreUnavailable)
    await expect(lost).rejects.toThrow(/could not read a value \(directory .*\): EIO$/)
    broken = null
    await task.claim()
    await task.epoch({ checkpointMs: 30 })
    expect(out.values).toEqual([...values, 2])
  })

  test('ends the session when the disk is full, and the next one goes on from the checkpoint', async () => {
    let full = false
    const store = failing((values) => ({
      write(puts, removed) {
        if (full) throw new Error('ENOSPC')
        values.write(puts, removed)
      },
    }))
    task = new Task(counting(store))
    await task.claim()
    log.append(1)
    await task.epoch({ checkpointMs: 30 })
    full = true
    log.append(...Array.from({ length: 5_000 }, (_, i) => i))
    await expect(endless()).rejects.toThrow(/could not write values \(directory .*\): ENOSPC$/)
    full = false
    await task.claim()
    while (out.values.length < 5_001) await task.epoch({ checkpointMs: 30 })
    expect(out.values.filter((value) => value === 2)).toHaveLength(1)
    expect(out.values).toHaveLength(5_001)
  })

  test('fails the claim where it can not be opened', async () => {
    await writeFile(join(directory, 'file'), '')
    task = new Task(counting(lmdbStore({ directory: join(directory, 'file') })))
    const claim = task.claim()
    await expect(claim).rejects.toBeInstanceOf(StateStoreUnavailable)
    await expect(claim).rejects.toThrow(/could not open .*ENOTDIR/)
    expect(segments.closed).toBe(true)
  })
})

test.each([
  ['no store', { backend, store: 'disk' }, 'state.store', 'is no store: make it with lmdbStore'],
  ['no directory', { backend, store: lmdbStore({ directory: '' }) }, 'state.store.directory', 'must be a path'],
  ['a broken one', { backend, store: { ...lmdbStore({ directory: 'x' }), open: 1 } }, 'state.store.open', 'function'],
  ['one without a backend', { store: lmdbStore({ directory: 'x' }) }, 'state.store', 'goes with `backend`'],
])('%s is a fault', async (_, state, path, message) => {
  task = new Task(counting(lmdbStore({ directory })))
  expect(faultsOf(state)).toEqual([expect.objectContaining({ path, message: expect.stringContaining(message) })])
})

async function endless(): Promise<never> {
  for (;;) await task.epoch({ checkpointMs: 30 })
}

function faultsOf(state: object): InvalidDefinition['details']['faults'] {
  try {
    definePipeline({
      name: 'counts',
      sources: { numbers: log.source() },
      state,
      steps: ({ numbers }) => numbers.to('out', out.sink()),
    })
    return []
  } catch (error) {
    return (error as InvalidDefinition).details.faults
  }
}
