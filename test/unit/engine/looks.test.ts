import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { text } from '../../../src/definition/serdes/index.js'
import { InvalidCommand } from '../../../src/errors/control.js'
import { SessionLost } from '../../../src/errors/ownership.js'
import type { LookInput, LookResult } from '../../../src/protocol/look.js'
import { waitUntil } from '../../setup/wait-until.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let log: LogSource
let out: BreakableSink
let task: Task

/** The numbers of each key so far, which is their last digit as a text. */
const seen = (decode?: (n: number) => number | Promise<number>, pad = 0): Pipeline =>
  definePipeline({
    name: 'seen',
    sources: { numbers: log.source(decode === undefined ? {} : { decode }) },
    steps: ({ numbers }) =>
      numbers
        .keyBy('digit', (n) => `key ${n % 10}`, { key: text(), alreadyPartitioned: true })
        .stateful('all', {
          init: () => ({ seen: new Set<number>(), pad: 'x'.repeat(pad) }),
          onRecord: (n, state) => {
            const now = state.get()
            state.set({ ...now, seen: new Set([...now.seen, n]) })
            return [n]
          },
        })
        .to('out', out.sink()),
  })

async function start(pipeline: Pipeline): Promise<void> {
  task = new Task(pipeline, { commitMs: 0 })
  await task.claim()
}

/** In as many epochs as it takes. */
async function readAll(): Promise<void> {
  while (task.position !== String(log.end)) await task.epoch({ checkpointMs: 20 })
}

const look = (more: Partial<LookInput> = {}): Promise<LookResult> =>
  task.session.look({ pipeline: 'seen', stage: 'main', partition: 0, step: 'all', limit: 100, ...more })

const valuesOf = ({ entries }: LookResult): unknown[] =>
  entries.map(({ key, value }) => [key, (value as { seen: unknown }).seen])

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
})
afterEach(() => task.lose())

test('tells what a step knows within an epoch, newer than its checkpoint, and up to where', async () => {
  await start(seen())
  log.append(1, 2)
  await readAll()
  const { epoch } = task.state.checkpoint
  log.append(11)
  const running = task.epoch()
  await waitUntil(() => out.values.length === 3)
  const found = await look()
  expect(found).toMatchObject({ generation: 1, epoch, positions: { numbers: '3' }, count: 2 })
  expect(valuesOf(found)).toEqual([
    [['key 1'], [1, 11]],
    [['key 2'], [2]],
  ])
  expect(valuesOf(await look({ key: 'key 2' }))).toEqual([[['key 2'], [2]]])
  expect(await look({ key: 'key 3' })).toMatchObject({ count: 0, entries: [] })
  // A part of a key is no key.
  expect(await look({ key: 'key' })).toMatchObject({ count: 0, entries: [] })
  expect(await look({ limit: 1 })).toMatchObject({ count: 2, entries: [{ key: ['key 1'] }] })
  task.session.interrupt('interrupted', epoch + 1)
  expect(await running).toMatchObject({ positions: { numbers: '3' } })
})

test('a question that comes in the midst of a slice is answered behind it, when position and state fit', async () => {
  let open: (() => void) | undefined
  const gated = (n: number): number | Promise<number> =>
    n === 21 ? new Promise((resolve) => (open = () => resolve(n))) : n
  await start(seen(gated))
  log.append(1, 11, 21)
  const running = task.epoch({ checkpointMs: 20 })
  await waitUntil(() => open !== undefined)
  const asked = look()
  const first = await Promise.race([asked, delay(50, 'no answer yet')])
  open?.()
  const found = await asked
  // All that is before the position, and nothing else.
  expect(valuesOf(found)).toEqual([[['key 1'], [1, 11, 21]]])
  expect(found.positions).toEqual({ numbers: '3' })
  expect(first).toBe('no answer yet')
  await running
})

test('it is refused where that slice fails, for a record is half done then', async () => {
  let fail: (() => void) | undefined
  await start(seen((n) => (n === 2 ? new Promise((_, reject) => (fail = () => reject(new Error('bad')))) : n)))
  log.append(1, 2)
  const running = task.epoch().catch(() => undefined)
  await waitUntil(() => fail !== undefined)
  const asked = expect(look()).rejects.toThrow(SessionLost)
  // The session ends in the midst of the slice.
  const closed = task.session.close()
  fail?.()
  await asked
  await closed
  await running
})

test('an answer is cut where it is too large for history', async () => {
  await start(seen(undefined, 100_000))
  log.append(1, 2, 3, 4)
  await readAll()
  const found = await look()
  expect(found).toMatchObject({ count: 4, cut: true })
  expect(found.entries.map(({ key }) => key)).toEqual([['key 1'], ['key 2']])
  expect(await look({ key: 'key 4' })).toMatchObject({ count: 1, entries: [{ key: ['key 4'] }] })
})

test('a step without state is refused, with those that have some; a session that has ended knows nothing', async () => {
  await start(seen())
  await expect(look({ step: 'digit' })).rejects.toThrow(InvalidCommand)
  await expect(look({ step: 'digit' })).rejects.toThrow("step 'digit' keeps no state in stage 'main'; these do: all")
  const { session } = task
  await session.close()
  await expect(look()).rejects.toThrow(SessionLost)
})
