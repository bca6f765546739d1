import { afterEach, beforeEach, expect, test } from 'vitest'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import type { DeadLetter } from '../../../src/definition/dead-letter.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSink } from '../../../src/definition/define-sink.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import type { Sink } from '../../../src/definition/sink.js'
import { BreakableSink, failOnce } from './breakable-sink.js'
import { digestOf } from './claims.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

/**
 * PROTOCOL §6: a stage with a step that isn't deterministic goes on at what its ledger holds. Here each call gives another
 * number, so that whatever is executed a second time shows.
 */

let log: LogSource
let out: BreakableSink
let task: Task
let calls: number

interface Parts {
  readonly onError?: PipelineOptions<unknown, unknown>['onError']
  readonly beside?: Sink<unknown>
  readonly commitMs?: number | null
}

const scope = 'one'

async function start({ onError = 'skip', beside, commitMs = 0 }: Parts = {}): Promise<void> {
  const pipeline = definePipeline({
    name: 'asking',
    onError,
    sources: { numbers: log.source() },
    steps: ({ numbers }) => {
      const asked = numbers.asyncMap('ask', async (n) => `${n}#${calls++}`)
      const end = asked.to('out', out.sink<string>({ scope }))
      return beside === undefined ? [end] : [end, asked.to('beside', beside)]
    },
  })
  task = new Task(pipeline, { commitMs })
  await task.claim()
}

const until = (position: number) => ({ until: { numbers: String(position) } })
/** The records that the ledger holds outputs of. */
const held = (): number[] => out.values.map((value) => Number(String(value).split('#')[0]))

/** Keeps everything, as often as it comes. */
class Target {
  readonly values: unknown[] = []
  broken = false

  get sink(): Sink<unknown> {
    return defineSink<unknown, unknown>({
      kind: 'target',
      mode: 'idempotent',
      dedupes: false,
      encode: ({ value }) => value,
      isRetryable: () => false,
      open: async () => ({
        write: async (items) => {
          if (this.broken) throw new Error('broken')
          this.values.push(...items.map(({ data }) => data))
          return { failed: [] }
        },
        close: async () => {},
      }),
    })
  }
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  calls = 0
})
afterEach(async () => {
  await task.lose()
})

test('what is committed is not executed again: the epoch ends there, and the next goes on', async () => {
  await start()
  log.append(0, 1, 2)
  await task.lostEpoch(until(3))
  expect(held()).toEqual([0, 1, 2])
  const session = await task.claim()
  expect(session.first.position).toBe('3')
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '3' }, read: 0, written: 0 })
  expect(calls).toBe(3)
  log.append(3)
  expect(await task.epoch(until(4))).toMatchObject({ ended: 'until', read: 1, positions: { numbers: '4' } })
  expect(held()).toEqual([0, 1, 2, 3])
  // The chain of digests goes on from the receipt's: the next claim would find a foreign one otherwise.
  await task.again()
  log.append(4)
  await task.epoch(until(5))
  expect(held()).toEqual([0, 1, 2, 3, 4])
  expect(out.newest?.digest).toBe(digestOf(...(out.values as string[])))
})

test('what is not committed is called again, and committed once', async () => {
  await start()
  log.batch = 2
  log.append(0, 1, 2, 3)
  let commits = 0
  out.hook = (at) => {
    if (at === 'commit' && ++commits === 2) throw new Error('crash')
  }
  await task.lostEpoch(until(4))
  expect(held()).toEqual([0, 1])
  out.hook = () => undefined
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '2' } })
  await task.epoch(until(4))
  expect(out.values).toEqual(['0#0', '1#1', '2#4', '3#5'])
})

test('a commit whose answer is lost counts', async () => {
  await start()
  log.append(0, 1)
  out.hook = failOnce('committed', new Error('no answer'))
  await task.lostEpoch(until(2))
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '2' } })
  expect(held()).toEqual([0, 1])
})

test('crash after crash, before any epoch is recorded', async () => {
  await start()
  log.append(0, 1)
  await task.lostEpoch(until(2))
  for (let i = 0; i < 3; i++) {
    await task.claim()
    await task.lose()
  }
  await task.claim()
  await task.lostEpoch()
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '2' } })
  log.append(2)
  await task.epoch(until(3))
  expect(held()).toEqual([0, 1, 2])
})

test('a ledger at the checkpoint is no matter', async () => {
  await start({ commitMs: null })
  log.append(0, 1)
  out.hook = failOnce('commit', new Error('crash'))
  await task.lostEpoch(until(2))
  await task.claim()
  expect(await task.epoch(until(2))).toMatchObject({ ended: 'until', read: 2 })
  expect(out.values).toEqual(['0#2', '1#3'])
})

test('other code takes over without being asked about it', async () => {
  await start()
  log.append(0, 1)
  await task.lostEpoch(until(2))
  task.host = hostOf({ buildId: 'another' })
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up' })
  expect(held()).toEqual([0, 1])
})

test('records below what is held need not be there any more', async () => {
  await start()
  log.append(0, 1, 2)
  await task.lostEpoch(until(3))
  log.lostBelow = 3
  await task.claim()
  expect(log.opened.at(-1)).toMatchObject({ position: '3' })
  expect(log.opened.at(-1)?.strictUntil).toBeUndefined()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '3' } })
})

test('the source has to be the same all the same', async () => {
  log.identity = 'topic-1'
  await start()
  log.append(0, 1)
  await task.lostEpoch(until(2))
  log.identity = 'topic-2'
  await expect(task.claim()).rejects.toMatchObject({ code: 'SourceChanged' })
})

test('a bound below what is held is raised to it', async () => {
  await start()
  log.append(0, 1, 2)
  await task.lostEpoch(until(3))
  await task.claim()
  expect(await task.epoch(until(2))).toMatchObject({ ended: 'caught-up', positions: { numbers: '3' } })
  expect(await task.epoch(until(2))).toMatchObject({ ended: 'until', read: 0, positions: { numbers: '3' } })
})

test('what a sink without a ledger is due is there before the ledger says so', async () => {
  const target = new Target()
  await start({ beside: target.sink })
  log.batch = 2
  log.append(0, 1)
  out.hook = failOnce('committed', new Error('no answer'))
  // Not the commit at the epoch's end, for which all is settled anyway.
  await task.lostEpoch(until(9))
  expect(target.values).toEqual(['0#0', '1#1'])
  await task.claim()
  await task.epoch()
  expect(target.values).toEqual(['0#0', '1#1'])
  expect(out.values).toEqual(['0#0', '1#1'])
  // Where it can't take it, the ledger doesn't commit either.
  target.broken = true
  log.append(2)
  await task.lostEpoch(until(3))
  expect(held()).toEqual([0, 1])
  target.broken = false
  await task.claim()
  await task.epoch(until(3))
  expect(held()).toEqual([0, 1, 2])
  expect(target.values).toEqual(['0#0', '1#1', '2#3'])
})

test('without a ledger all is called again, and the target may be given two results', async () => {
  const target = new Target()
  const pipeline = definePipeline({
    name: 'asking',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => numbers.asyncMap('ask', async (n) => `${n}#${calls++}`).to('target', target.sink),
  })
  task = new Task(pipeline, { commitMs: 0 })
  await task.claim()
  log.append(0, 1)
  const input = task.epochInput(until(2))
  await task.session.run(input)
  // Its result is lost.
  await task.again()
  expect(await task.epoch(until(2))).toMatchObject({ read: 2 })
  expect(target.values).toEqual(['0#0', '1#1', '0#2', '1#3'])
})

test('what was refused is not lettered twice, and nothing is counted below zero', async () => {
  const letters = deadLetter(out.sink<DeadLetter>({ scope }))
  await start({ onError: letters })
  out.refuses = ({ data }) => (String(data).startsWith('1#') ? 'write' : null)
  log.append(0, 1, 2)
  out.hook = failOnce('committed', new Error('no answer'))
  await task.lostEpoch(until(3))
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', written: 0, deadLettered: 1 })
  log.append(1)
  await task.epoch(until(4))
  const reasons = out.values.filter((value) => typeof value === 'object').map((value) => (value as DeadLetter).reason)
  expect(reasons).toEqual(['no "1#1"', 'no "1#3"'])
  expect(out.values.filter((value) => typeof value === 'string')).toEqual(['0#0', '2#2'])
})

test('what was refused and left out is counted, and taken from nothing that this attempt has offered', async () => {
  await start({ onError: 'skip' })
  out.refuses = ({ data }) => (String(data).startsWith('1#') ? 'write' : null)
  log.append(0, 1, 2)
  out.hook = failOnce('committed', new Error('no answer'))
  await task.lostEpoch(until(3))
  await task.claim()
  expect(await task.epoch()).toMatchObject({ ended: 'caught-up', written: 0, skipped: 1 })
})
