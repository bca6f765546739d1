import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { PositionLost } from '../../../src/errors/source.js'
import { SinkUnavailable } from '../../../src/errors/sink.js'
import { waitUntil } from '../../setup/wait-until.js'
import { BreakableSink, failOnce } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task, type TaskOptions } from './task.js'

const gone = new SinkUnavailable({ pipeline: 'p', stage: 'main', partition: 0, sink: 's', target: 't', doing: 'd' })

let log: LogSource
let a: BreakableSink
let b: BreakableSink
let task: Task
/** Added to each output: code that does something else. */
let change = 0
/** How often the step has run. */
let runs = 0

/** All numbers to sink a, those divisible by three to sink b; each with its epoch's time and a random number. */
function start(options: TaskOptions = {}): Promise<unknown> {
  const pipeline = definePipeline({
    name: 'catching-up',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => {
      const seen = numbers.map('see', (n, ctx) => {
        runs++
        return { n: n + change, now: ctx.now, random: ctx.random() }
      })
      return [
        seen.to('a', a.sink()),
        seen.filter('third', (_, ctx) => Number(ctx.origin.position) % 3 === 0).to('b', b.sink()),
      ]
    },
  })
  task = new Task(pipeline, { commitMs: 0, ...options })
  return task.claim()
}

const numbersIn = (sink: BreakableSink): number[] => sink.values.map((value) => (value as { n: number }).n)

/** Both ledgers commit up to position 4; from there on a commits up to 7, whereas b fails and everything is lost. */
async function crashApart(): Promise<void> {
  await start()
  log.append(0, 1, 2, 3)
  await task.epoch({ until: { numbers: '2' } })
  const running = task.lostEpoch()
  await waitUntil(() => [a, b].every((sink) => sink.newest?.positions['numbers'] === '4'))
  b.hook = failOnce('commit', gone)
  log.append(4, 5, 6)
  await running
  expect(a.newest?.positions).toEqual({ numbers: '7' })
  expect(b.newest?.positions).toEqual({ numbers: '4' })
  expect(task.position).toBe('2')
  runs = 0
}

beforeEach(() => {
  log = new LogSource()
  a = new BreakableSink('a')
  b = new BreakableSink('b')
  change = 0
})
afterEach(async () => {
  await task.lose()
})

describe('after a crash between the commits of two ledgers', () => {
  test('each gets what it lacks, and nothing twice; the epoch ends at the furthest', async () => {
    await crashApart()
    const { catchUp } = await task.claim()
    expect(catchUp.furthest).toEqual({ numbers: '7' })
    const result = await task.epoch()
    expect(result).toMatchObject({ epoch: 2, ended: 'caught-up', positions: { numbers: '7' }, read: 5, written: 7 })
    expect(runs).toBe(5)
    expect(numbersIn(a)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(numbersIn(b)).toEqual([0, 3, 6])
  })

  test('with the same time and random numbers, so that all ledgers agree', async () => {
    await crashApart()
    await task.claim()
    await task.epoch()
    expect(b.values).toEqual(a.values.filter((_, index) => index % 3 === 0))
  })

  test('nothing is sent to any ledger before all digests have matched', async () => {
    await crashApart()
    await task.claim()
    const seen: string[] = []
    a.hook = (at) => void seen.push(`a ${at} at ${task.session.first.position}`)
    b.hook = (at) => void seen.push(`b ${at} at ${task.session.first.position}`)
    await task.epoch()
    expect(seen).toEqual(['b write at 7', 'b commit at 7', 'b committed at 7'])
  })

  test('records behind the furthest are left to the next epoch', async () => {
    await crashApart()
    log.append(7, 8)
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '7' } })
    await task.epoch({ checkpointMs: 40 })
    expect(numbersIn(a)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(new Set(a.values.slice(7).map((value) => (value as { now: number }).now))).toEqual(new Set([3_000]))
  })

  test('whatever batches the records come in', async () => {
    for (const batch of [1, 2, 3, 100]) {
      ;[log, a, b] = [new LogSource(), new BreakableSink('a'), new BreakableSink('b')]
      await crashApart()
      log.batch = batch
      await task.claim()
      await task.epoch()
      expect([numbersIn(a), numbersIn(b)]).toEqual([
        [0, 1, 2, 3, 4, 5, 6],
        [0, 3, 6],
      ])
      await task.lose()
    }
  })

  test('a command waits until it has caught up', async () => {
    await crashApart()
    await task.claim()
    task.session.interrupt('interrupted', 2)
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '7' } })
  })

  test('a bound below is raised to the furthest', async () => {
    await crashApart()
    task.state = { ...task.state, until: { numbers: '5' } }
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '7' } })
    expect(await task.epoch()).toMatchObject({ ended: 'until', positions: { numbers: '7' }, read: 0 })
  })

  test('a worker that goes away meanwhile has no checkpoint to give: NotCaughtUp, and the same epoch again', async () => {
    await crashApart()
    await task.claim()
    task.session.interrupt('released')
    await expect(task.epoch()).rejects.toMatchObject({
      code: 'NotCaughtUp',
      retryable: true,
      details: { epoch: 2, positions: { numbers: '2' }, furthest: { numbers: '7' } },
    })
    expect(task.session.closed).toBe(true)
    await task.again()
    expect(await task.epoch()).toMatchObject({ epoch: 2, ended: 'caught-up' })
    expect(numbersIn(a)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  test('a crash while catching up changes nothing', async () => {
    await crashApart()
    await task.claim()
    b.hook = failOnce('commit', gone)
    await expect(task.epoch()).rejects.toBe(gone)
    await task.again()
    await task.epoch()
    expect([numbersIn(a), numbersIn(b)]).toEqual([
      [0, 1, 2, 3, 4, 5, 6],
      [0, 3, 6],
    ])
  })

  test('trouble with the source ends it: no clock would', async () => {
    await crashApart()
    log.pollErrors.push(new Error('connection lost'))
    await task.claim()
    log.openErrors.push(...Array.from({ length: 9 }, () => new Error('no broker')))
    await expect(task.epoch()).rejects.toMatchObject({ code: 'SourceUnavailable', retryable: true })
    log.openErrors.length = 0
    await task.again()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up' })
  })

  test('ledgers that stand within one gap are reached at once', async () => {
    await start({ commitMs: 400 })
    log.append(0)
    await task.epoch({ until: { numbers: '1' } })
    const running = task.lostEpoch()
    // Sink b gets every third: a commits first, so that their clocks run apart.
    log.append(1)
    await waitUntil(() => a.newest?.positions['numbers'] === '2', { every: 1 })
    log.append(2, 3)
    await waitUntil(() => b.newest?.positions['numbers'] === '4', { every: 1 })
    log.gap(4)
    await waitUntil(() => a.newest?.positions['numbers'] === '8', { every: 1 })
    await task.lose()
    await running
    expect(b.newest?.positions).toEqual({ numbers: '4' })
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '8' } })
    expect([numbersIn(a), numbersIn(b)]).toEqual([
      [0, 1, 2, 3],
      [0, 3],
    ])
  })

  test('a lost answer: the same epoch is executed muted, and its checkpoint comes again', async () => {
    await start()
    log.append(0, 1, 2, 3)
    await task.lostEpoch({ until: { numbers: '4' } })
    const before = [a.receipts.length, b.receipts.length]
    await task.claim()
    expect(await task.epoch()).toMatchObject({ epoch: 1, ended: 'caught-up', positions: { numbers: '4' }, commits: 0 })
    expect([a.receipts.length - 1, b.receipts.length - 1]).toEqual(before)
    expect(numbersIn(a)).toEqual([0, 1, 2, 3])
  })
})

describe('where the outputs come out different', () => {
  test('the same code: NonDeterministicStep, and nothing more is written', async () => {
    await crashApart()
    change = 100
    await task.claim()
    const before = [numbersIn(a), numbersIn(b)]
    await expect(task.epoch()).rejects.toMatchObject({
      code: 'NonDeterministicStep',
      retryable: false,
      details: { sink: 'b', epoch: 2, positions: { numbers: '4' } },
    })
    expect([numbersIn(a), numbersIn(b)]).toEqual(before)
  })

  test('other code: CodeChanged, and the old code still can', async () => {
    await crashApart()
    change = 100
    task.host = hostOf({ buildId: 'new' })
    await task.claim()
    await expect(task.epoch()).rejects.toMatchObject({ code: 'CodeChanged', details: { sink: 'b' } })
    change = 0
    task.host = hostOf()
    await task.again()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up' })
    expect(numbersIn(b)).toEqual([0, 3, 6])
  })

  test('other code that makes the same: consent enough', async () => {
    await crashApart()
    task.host = hostOf({ buildId: 'new' })
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up' })
  })

  test('other code that was accepted goes on from the receipts: no ledger loses what it has', async () => {
    await crashApart()
    change = 100
    task.host = hostOf({ buildId: 'new' })
    await task.claim({ acceptCodeChange: true })
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '7' } })
    expect([numbersIn(a), numbersIn(b)]).toEqual([
      [0, 1, 2, 3, 4, 5, 6],
      [0, 3, 106],
    ])
    log.append(7)
    await task.epoch({ checkpointMs: 30 })
    await task.again()
    expect(await task.epoch({ idleMs: 20 })).toMatchObject({ ended: 'idle' })
    expect(numbersIn(a).at(-1)).toBe(107)
  })

  test('other code that was accepted, and whose first answer was lost: its own commits are accepted too', async () => {
    await crashApart()
    change = 100
    task.host = hostOf({ buildId: 'new' })
    await task.claim({ acceptCodeChange: true })
    b.hook = failOnce('committed', gone)
    await task.lostEpoch()
    expect(b.newest?.positions).toEqual({ numbers: '7' })
    await task.claim({ acceptCodeChange: true })
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { numbers: '7' } })
    expect([numbersIn(a), numbersIn(b)]).toEqual([
      [0, 1, 2, 3, 4, 5, 6],
      [0, 3, 106],
    ])
  })

  test('accepting is no licence for steps that are not deterministic', async () => {
    await crashApart()
    change = 100
    await task.claim({ acceptCodeChange: true })
    await expect(task.epoch()).rejects.toMatchObject({ code: 'NonDeterministicStep' })
  })

  test('a record that has become bad is no end of the epoch while catching up', async () => {
    await crashApart()
    await task.claim()
    const { records } = log
    const bad = records[5]
    if (bad === undefined) throw new Error('no record')
    Object.defineProperty(bad, 'value', {
      get() {
        throw new Error('spoilt')
      },
    })
    await expect(task.epoch()).rejects.toMatchObject({
      code: 'NonDeterministicStep',
      cause: { code: 'DecodeFailed', cause: { message: 'spoilt' } },
    })
  })
})

describe('the source has to be what it was (PROTOCOL 3.6)', () => {
  test('made anew under the same name', async () => {
    log.identity = 'first'
    await start()
    log.append(0)
    await task.epoch({ checkpointMs: 20 })
    log.identity = 'second'
    await expect(task.again()).rejects.toMatchObject({
      code: 'SourceChanged',
      details: { was: 'first', is: 'second', position: '1' },
    })
    expect(a.did.at(-1)).toBe('close')
    expect(log.closed).toBe(2)
  })

  test('made anew while a session reads it', async () => {
    log.identity = 'first'
    await start()
    log.append(0)
    const running = task.epoch()
    await delay(20)
    log.identity = 'second'
    log.pollErrors.push(new Error('connection lost'))
    log.ring()
    expect(await running).toMatchObject({
      ended: 'problem',
      problem: { code: 'SourceChanged' },
      positions: { numbers: '1' },
    })
  })

  test('deleted where it is to be read again: SourceChanged, and nothing may be skipped', async () => {
    await crashApart()
    const at = {
      pipeline: 'p',
      source: 'numbers',
      position: '2',
      earliest: '3',
      end: '9',
      lost: { from: '2', to: '3' },
    }
    log.openErrors.push(new PositionLost(at))
    await expect(task.claim()).rejects.toMatchObject({ code: 'SourceChanged', cause: { code: 'PositionLost' } })
    await task.again()
    expect(log.opened.at(-1)).toMatchObject({ position: '2', strictUntil: '7' })
  })

  test('deleted meanwhile, too', async () => {
    await crashApart()
    log.batch = 1
    const at = {
      pipeline: 'p',
      source: 'numbers',
      position: '3',
      earliest: '5',
      end: '9',
      lost: { from: '3', to: '5' },
    }
    log.pollErrors.push(new PositionLost(at))
    await task.claim()
    await expect(task.epoch()).rejects.toMatchObject({ code: 'SourceChanged', cause: { code: 'PositionLost' } })
  })

  test("deleted with nothing to read again is the source's own error", async () => {
    await start()
    const at = {
      pipeline: 'p',
      source: 'numbers',
      position: '0',
      earliest: '3',
      end: '9',
      lost: { from: '0', to: '3' },
    }
    log.openErrors.push(new PositionLost(at))
    await expect(task.again()).rejects.toMatchObject({ code: 'PositionLost' })
  })
})
