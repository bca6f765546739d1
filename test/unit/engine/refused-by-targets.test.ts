import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import type { DeadLetter } from '../../../src/definition/dead-letter.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSink } from '../../../src/definition/define-sink.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import type { Item, Sink } from '../../../src/definition/sink.js'
import { BreakableSink, failOnce } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

/** A target without a ledger: keeps what it accepts, in the order it came. */
class Target {
  readonly kept: { readonly id: string; readonly data: unknown }[] = []
  /** Everything it was ever offered. */
  readonly offered: unknown[] = []
  /** How many it was given at once. */
  readonly handed: number[] = []
  refuses: (data: unknown) => boolean = () => false
  /** True: it says so by `ctx.reject`, as a sink with a ledger does. */
  rejects = false

  sink<T>(): Sink<T> {
    return defineSink<T, unknown>({
      kind: 'target',
      mode: 'idempotent',
      dedupes: true,
      encode: ({ value }) => value,
      open: async (ctx) => ({
        write: async (items) => {
          this.handed.push(items.length)
          const failed: { id: string; error: Error; retryable: boolean }[] = []
          for (const item of items) {
            this.offered.push(item.data)
            if (!this.refuses(item.data)) this.keep(item)
            else if (this.rejects) ctx.reject(item.id, `no ${String(item.data)}`)
            else failed.push({ id: item.id, error: new Error(`no ${String(item.data)}`), retryable: false })
          }
          return { failed }
        },
        close: async () => undefined,
      }),
    })
  }

  private keep({ id, data }: Item<unknown>): void {
    if (!this.kept.some((other) => other.id === id)) this.kept.push({ id, data })
  }
}

let log: LogSource
let target: Target
let out: BreakableSink
let letters: BreakableSink
let late: Target
let task: Task

async function start(onError: PipelineOptions<unknown, unknown>['onError'], commitMs: number | null = null) {
  const pipeline = definePipeline({
    name: 'refusing',
    ...(onError !== undefined && { onError }),
    sources: { numbers: log.source() },
    steps: ({ numbers }) => [numbers.to('target', target.sink<number>()), numbers.to('out', out.sink<number>())],
  })
  task = new Task(pipeline, { commitMs, host: hostOf() })
  await task.claim()
}

const count = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1)
const until = (position: number) => ({ until: { numbers: String(position) } })
const reasonsOf = (values: readonly unknown[]): unknown[] => values.map((letter) => (letter as DeadLetter).reason)
const toLetters = () => deadLetter(letters.sink<DeadLetter>())

beforeEach(() => {
  log = new LogSource()
  target = new Target()
  out = new BreakableSink('out')
  letters = new BreakableSink('letters')
  late = new Target()
})
afterEach(async () => {
  await task.lose()
})

describe.each([false, true])('an item that a target without a ledger refuses (by ctx.reject: %s)', (rejects) => {
  beforeEach(() => {
    target.rejects = rejects
    target.refuses = (n) => n === 2
    log.append(1, 2, 3)
  })

  test("under 'fail' parks the task, with the record's coordinates", async () => {
    await start('fail')
    await expect(task.epoch(until(3))).rejects.toMatchObject({
      code: 'RecordRejected',
      message: expect.stringContaining('no 2') as unknown,
      details: { step: 'target', origin: { source: 'numbers', partition: 0, position: '1' } },
    })
  })

  test("under 'skip' is left out and counted", async () => {
    await start('skip')
    expect(await task.epoch(until(3))).toMatchObject({ read: 3, skipped: 1, written: 5 })
    expect(target.kept.map(({ data }) => data)).toEqual([1, 3])
    expect(out.values).toEqual([1, 2, 3])
  })

  test('goes to the dead letters', async () => {
    await start(toLetters())
    expect(await task.epoch(until(3))).toMatchObject({ read: 3, deadLettered: 1, written: 6 })
    expect(target.kept.map(({ data }) => data)).toEqual([1, 3])
    expect(letters.values).toMatchObject([{ reason: 'no 2', step: 'target', origin: { position: '1' } }])
  })
})

test('a target is handed a few at first, however many records one read brings', async () => {
  await start('fail')
  log.append(...count(4_000))
  expect(await task.epoch(until(4_000))).toMatchObject({ ended: 'until', read: 4_000 })
  expect(target.handed.slice(0, 3)).toEqual([16, 32, 64])
  expect(Math.max(...target.handed)).toBeLessThanOrEqual(1_000)
  expect(target.offered).toEqual(count(4_000))
})

test('one after the other, by ctx.reject: as many as there are, without a pause', async () => {
  target.rejects = true
  await start('skip')
  target.refuses = (n) => Number(n) % 2 === 0
  log.append(...count(60))
  const began = performance.now()
  expect(await task.epoch(until(60))).toMatchObject({ ended: 'until', skipped: 30 })
  expect(target.kept.map(({ data }) => data)).toEqual(count(60).filter((n) => n % 2 !== 0))
  expect(performance.now() - began).toBeLessThan(10_000)
})

describe('after a crash', () => {
  test('a letter that is durable is not written again, and its item is not offered again', async () => {
    await start(toLetters())
    target.refuses = (n) => n === 2
    log.append(1, 2, 3)
    out.hook = failOnce('commit', new Error('crash'))
    await task.lostEpoch(until(3))
    expect(reasonsOf(letters.values)).toEqual(['no 2'])
    target.refuses = () => false
    target.offered.length = 0
    await task.claim()
    expect(await task.epoch(until(3))).toMatchObject({ ended: 'caught-up', deadLettered: 1 })
    expect(reasonsOf(letters.values)).toEqual(['no 2'])
    expect(target.offered).toEqual([1, 3])
  })

  test('a letter that goes to a target without a ledger is sent again, with the same id', async () => {
    await start(deadLetter(late.sink<DeadLetter>()))
    target.refuses = (n) => n === 2
    log.append(1, 2, 3)
    await task.lostEpoch(until(3))
    await task.claim()
    expect(await task.epoch(until(3))).toMatchObject({ ended: 'caught-up', deadLettered: 1 })
    expect(late.offered).toHaveLength(2)
    expect(late.kept).toMatchObject([{ id: 'refusing/main/numbers-0-1-0-target', data: { reason: 'no 2' } }])
  })

  test('a letter of a ledger is with the target before the ledger commits', async () => {
    await start(deadLetter(late.sink<DeadLetter>()))
    out.refuses = ({ data }) => (data === 2 ? 'commit' : null)
    log.append(1, 2, 3)
    let sent = -1
    out.hook = (at) => {
      if (at === 'committed') sent = late.kept.length
    }
    await task.epoch(until(3))
    expect(out.values).toEqual([1, 3])
    expect(sent).toBe(1)
  })
})

test('so many that a receipt can not list them: epochs end early, and nothing is lost or doubled', async () => {
  await start(toLetters(), 0)
  target.refuses = (n) => Number(n) % 3 === 0
  log.append(...count(900))
  let commits = 0
  out.hook = (at) => {
    if (at === 'commit' && ++commits % 7 === 0) throw new Error('crash')
  }
  let epochs = 0
  while (Number(task.position) < 900) {
    epochs++
    try {
      await task.epoch(until(900))
    } catch {
      await task.again()
    }
  }
  expect(epochs).toBeGreaterThan(5)
  const bad = count(900).filter((n) => n % 3 === 0)
  expect(new Set(reasonsOf(letters.values))).toEqual(new Set(bad.map((n) => `no ${n}`)))
  expect(letters.values).toHaveLength(bad.length)
  expect(target.kept).toHaveLength(600)
  expect(out.values).toEqual(count(900))
  for (const { rejections } of letters.receipts) expect(JSON.stringify(rejections).length).toBeLessThan(3_400)
})

test('where nothing lasts there is no limit', async () => {
  await start('skip')
  target.refuses = () => true
  log.append(...count(3_000))
  expect(await task.epoch(until(3_000))).toMatchObject({ ended: 'until', skipped: 3_000 })
})
