import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import type { DeadLetter, RecordFailure } from '../../../src/definition/dead-letter.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import type { TransactionalSink } from '../../../src/definition/sink.js'
import { BreakableSink, failOnce } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

let log: LogSource
let out: BreakableSink
let beside: BreakableSink
let letters: BreakableSink
let task: Task
let warnings: string[]

interface Parts {
  readonly onError?: PipelineOptions<unknown, unknown>['onError']
  readonly commitMs?: number | null
  /** Of both `out` and the letters. */
  readonly scope?: string
  readonly copies?: number
}

/** Each number, and its negative, to `out`; and as it is to `beside`, which takes everything. */
async function start({ onError = 'skip', commitMs = null, scope, copies = 1 }: Parts = {}): Promise<void> {
  const more: Partial<TransactionalSink<number, unknown>> = scope === undefined ? {} : { scope }
  const pipeline = definePipeline({
    name: 'refusing',
    onError,
    sources: { numbers: log.source() },
    steps: ({ numbers }) => [
      numbers
        .flatMap('both', (n) => Array.from({ length: copies }, () => [n, -n]).flat())
        .to('out', out.sink<number>(more)),
      numbers.to('beside', beside.sink<number>()),
    ],
  })
  const log_ = { info: () => undefined, warn: (message: string) => void warnings.push(message) }
  task = new Task(pipeline, { commitMs, host: hostOf({ log: log_ }) })
  await task.claim()
}

const toLetters = (more: Partial<TransactionalSink<DeadLetter, unknown>> = {}, when?: (f: RecordFailure) => boolean) =>
  deadLetter(letters.sink<DeadLetter>(more), when === undefined ? {} : { when })
const until = (position: number) => ({ until: { numbers: String(position) } })
const count = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1)
const reasons = (): unknown[] => letters.values.map((letter) => (letter as DeadLetter).reason)
const rejected = (position: number, index: number): readonly string[] => [
  'out',
  `refusing/main/numbers-0-${position}-${index}`,
]

/** Refuses those numbers, when it writes or when it commits. */
const refusing = (numbers: readonly number[], at: 'write' | 'commit' = 'write') => {
  out.refuses = ({ data }) => (numbers.includes(data as number) ? at : null)
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  beside = new BreakableSink('beside')
  letters = new BreakableSink('letters')
  warnings = []
})
afterEach(async () => {
  await task.lose()
})

describe.each(['write', 'commit'] as const)('an item that is refused in %s', (at) => {
  test("under 'fail' parks the task, with the record's coordinates, and nothing of the epoch", async () => {
    await start({ onError: 'fail' })
    refusing([2], at)
    log.append(1, 2, 3)
    await expect(task.epoch(until(3))).rejects.toMatchObject({
      code: 'RecordRejected',
      retryable: false,
      message: expect.stringContaining("record 1 of partition 0 of source 'numbers' was rejected by 'out': no 2"),
      details: { step: 'out', origin: { source: 'numbers', partition: 0, position: '1' } },
    })
    expect(out.values).toEqual([])
  })

  test("under 'skip' is left out, counted and logged; the rest of its record stays", async () => {
    await start()
    refusing([2], at)
    log.append(1, 2, 3)
    expect(await task.epoch(until(3))).toMatchObject({ read: 3, skipped: 1, written: 8, ended: 'until' })
    expect(out.values).toEqual([1, -1, -2, 3, -3])
    expect(beside.values).toEqual([1, 2, 3])
    expect(warnings).toEqual([expect.stringContaining("rejected by 'out': no 2")])
    expect(out.newest).toMatchObject({ positions: { numbers: '3' }, rejections: [rejected(1, 0)] })
    expect(out.did.filter((did) => did === 'abort')).toHaveLength(1)
  })

  test('goes to the dead letters, which are durable first', async () => {
    await start({ onError: toLetters() })
    refusing([2, -3], at)
    log.append(1, 2, 3)
    const order: string[] = []
    out.hook = (now) => now === 'committed' && order.push('out')
    letters.hook = (now) => now === 'committed' && order.push('letters')
    expect(await task.epoch(until(3))).toMatchObject({ read: 3, deadLettered: 2, written: 9 })
    expect(out.values).toEqual([1, -1, -2, 3])
    expect(letters.values).toMatchObject([
      { reason: 'no 2', step: 'out', error: { code: 'RecordRejected' }, origin: { position: '1' }, attempts: 1 },
      { reason: 'no -3', step: 'out', origin: { position: '2' } },
    ])
    expect(order.at(-1)).toBe('out')
    expect(order).toContain('letters')
    expect(out.newest?.rejections).toEqual([rejected(1, 0), rejected(2, 1)])
  })
})

describe('the list of refused items', () => {
  test('is obeyed by a retry where the letter was durable and the outputs were not', async () => {
    await start({ onError: toLetters() })
    refusing([2])
    log.append(1, 2, 3)
    out.hook = failOnce('commit', new Error('crash'))
    await task.lostEpoch(until(3))
    expect(reasons()).toEqual(['no 2'])
    expect(out.values).toEqual([])
    expect(letters.newest?.rejections).toEqual([rejected(1, 0)])
    // It would take it now: too late, there is a letter.
    refusing([])
    await task.claim()
    expect(await task.epoch(until(3))).toMatchObject({ ended: 'caught-up', deadLettered: 1, written: 9 })
    expect(reasons()).toEqual(['no 2'])
    expect(out.values).toEqual([1, -1, -2, 3, -3])
  })

  test('tells a retry what was left out, where all was committed and only the answer got lost', async () => {
    for (const onError of ['skip', toLetters()] as const) {
      ;[log, out, beside] = [new LogSource(), new BreakableSink('out'), new BreakableSink('beside')]
      await start({ onError })
      refusing([2])
      log.append(1, 2, 3)
      await task.lostEpoch(until(3))
      await task.claim()
      const result = await task.epoch(until(3))
      expect(result).toMatchObject({ ended: 'caught-up', read: 3 })
      expect([result.skipped ?? 0, result.deadLettered ?? 0]).toEqual(onError === 'skip' ? [1, 0] : [0, 1])
      expect(out.values).toEqual([1, -1, -2, 3, -3])
      await task.lose()
    }
    expect(reasons()).toEqual(['no 2'])
  })

  test('begins anew at each checkpoint', async () => {
    await start()
    refusing([1, 4])
    log.append(1, 2)
    await task.epoch(until(2))
    log.append(3, 4)
    expect(await task.epoch(until(4))).toMatchObject({ skipped: 1 })
    expect(out.newest?.rejections).toEqual([rejected(3, 0)])
  })

  test('stays out of the digest, and so do the letters: the next claim agrees with the ledgers', async () => {
    await start({ onError: toLetters() })
    refusing([2])
    log.append(1, 2)
    await task.epoch(until(2))
    await task.again()
    log.append(3)
    expect(await task.epoch(until(3))).toMatchObject({ read: 1 })
    expect(out.values).toEqual([1, -1, -2, 3, -3])
  })

  test('ends the epoch when it is long: a receipt has 4,096 characters', async () => {
    await start({ onError: toLetters(), commitMs: 0 })
    log.batch = 10
    refusing(count(400))
    log.append(...count(400))
    const ends: string[] = []
    while (Number(task.position) < 400) ends.push((await task.epoch(until(400))).ended)
    expect(ends.length).toBeGreaterThan(3)
    expect(ends.at(-1)).toBe('until')
    expect(new Set(ends)).toEqual(new Set(['interval', 'until']))
    for (const receipt of [...out.receipts, ...letters.receipts]) {
      expect(JSON.stringify(receipt).length).toBeLessThan(4_096)
    }
    expect(reasons()).toEqual(count(400).map((n) => `no ${n}`))
    expect(out.values).toEqual(count(400).map((n) => -n))
  })
})

describe('many refused items in one commit', () => {
  test.each(['write', 'commit'] as const)('are committed in parts that a receipt can tell of (%s)', async (at) => {
    await start({ onError: toLetters() })
    const bad = count(2_000).filter((n) => n % 5 === 0)
    refusing(bad, at)
    log.append(...count(2_000))
    while (Number(task.position) < 2_000) await task.epoch(until(2_000))
    expect(out.values).toEqual(count(2_000).flatMap((n) => (n % 5 === 0 ? [-n] : [n, -n])))
    expect(reasons()).toEqual(bad.map((n) => `no ${n}`))
    expect(beside.values).toEqual(count(2_000))
    for (const receipt of [...out.receipts, ...letters.receipts]) {
      expect(JSON.stringify(receipt).length).toBeLessThan(4_096)
    }
  })

  test('are written again a few at a time', async () => {
    await start()
    refusing([1_000])
    log.append(...count(4_000))
    while (Number(task.position) < 4_000) await task.epoch(until(4_000))
    expect(out.values).toHaveLength(7_999)
    // All, those up to the refused one, the others.
    expect(out.writes.reduce((sum, n) => sum + n, 0)).toBeLessThan(8_000 + 2_000 + 6_100)
  })

  test('a crash between two parts repeats none of them', async () => {
    const bad = count(600).filter((n) => n % 3 === 0)
    for (let crash = 1; crash <= 6; crash++) {
      ;[log, out, beside, letters] = [
        new LogSource(),
        ...['out', 'beside', 'letters'].map((id) => new BreakableSink(id)),
      ] as [LogSource, BreakableSink, BreakableSink, BreakableSink]
      await start({ onError: toLetters() })
      refusing(bad, crash % 2 === 0 ? 'write' : 'commit')
      log.append(...count(600))
      let commits = 0
      out.hook = (at) => {
        if (at === (crash < 4 ? 'commit' : 'committed') && ++commits === crash) throw new Error('crash')
      }
      while (Number(task.position) < 600) {
        try {
          await task.epoch(until(600))
        } catch {
          await task.again()
        }
      }
      expect(out.values).toEqual(count(600).flatMap((n) => (n % 3 === 0 ? [-n] : [n, -n])))
      expect(new Set(reasons())).toEqual(new Set(bad.map((n) => `no ${n}`)))
      expect(reasons()).toHaveLength(bad.length)
      await task.lose()
    }
  })

  test('of one record, more than a receipt can list: the task parks', async () => {
    await start({ copies: 200 })
    refusing([1])
    log.append(1)
    await expect(task.epoch(until(1))).rejects.toMatchObject({
      code: 'RecordRejected',
      message: expect.stringContaining('more of its record is refused than a receipt can list'),
    })
  })
})

describe('dead letters in the same ledger', () => {
  const scope = 'one'

  test('are committed with the outputs', async () => {
    letters = out
    await start({ onError: toLetters({ scope }), scope })
    refusing([2])
    log.append(1, 2, 3)
    expect(await task.epoch(until(3))).toMatchObject({ deadLettered: 1 })
    expect(out.values).toEqual([1, -1, -2, 3, -3, expect.objectContaining({ reason: 'no 2' })])
    await task.again()
    log.append(4)
    expect(await task.epoch(until(4))).toMatchObject({ read: 1 })
  })

  test('are written once, where the sink finds the last one first and a crash comes between two commits', async () => {
    const bad = count(400).filter((n) => n % 10 === 0)
    for (const crash of [1, 2]) {
      ;[log, out, beside] = [new LogSource(), new BreakableSink('out'), new BreakableSink('beside')]
      letters = out
      await start({ onError: toLetters({ scope }), scope })
      refusing(bad, 'commit')
      out.backwards = true
      log.append(...count(400))
      let commits = 0
      out.hook = (at) => {
        if (at === 'committed' && ++commits === crash) throw new Error('crash')
      }
      while (Number(task.position) < 400) {
        try {
          await task.epoch(until(400))
        } catch {
          await task.again()
        }
      }
      expect(commits).toBeGreaterThan(1)
      const numbers = out.values.filter((value) => typeof value === 'number')
      const gone = out.values
        .filter((value) => typeof value === 'object')
        .map((letter) => (letter as DeadLetter).reason)
      expect(numbers).toEqual(count(400).flatMap((n) => (n % 10 === 0 ? [-n] : [n, -n])))
      expect(gone.toSorted()).toEqual(bad.map((n) => `no ${n}`).toSorted())
      await task.lose()
    }
  })
})

describe('what a dead-letter sink can not take', () => {
  test('a letter that is refused parks the task', async () => {
    await start({ onError: toLetters() })
    refusing([2])
    letters.refuses = () => 'write'
    log.append(1, 2)
    await expect(task.epoch(until(2))).rejects.toMatchObject({
      code: 'RecordRejected',
      details: { step: 'dead-letters' },
    })
  })

  test('what `when` does not take, or throws on, parks the task', async () => {
    for (const when of [
      () => false,
      () => {
        throw new Error('no idea')
      },
    ]) {
      ;[log, out, beside] = [new LogSource(), new BreakableSink('out'), new BreakableSink('beside')]
      await start({ onError: toLetters({}, when) })
      refusing([2])
      log.append(1, 2)
      await expect(task.epoch(until(2))).rejects.toMatchObject({ retryable: false })
      expect(letters.values).toEqual([])
      await task.lose()
    }
  })
})
