import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { SourceUnauthorized } from '../../../src/errors/source.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { silence } from '../../../src/engine/silence.js'
import { hostOf, Task, type TaskOptions } from './task.js'

let log: LogSource
let out: BreakableSink
let task: Task
/** Milliseconds each record blocks the event loop. */
let burnMs = 0

function burn(): void {
  const end = performance.now() + burnMs
  while (performance.now() < end);
}

/** Even numbers, doubled, with their epoch's time. */
async function start(options: TaskOptions = {}): Promise<void> {
  const pipeline = definePipeline({
    name: 'epochs',
    sources: { numbers: log.source() },
    steps: ({ numbers }) =>
      numbers
        .filter('even', (n) => {
          burn()
          return n % 2 === 0
        })
        .map('double', (n, ctx) => [n * 2, ctx.now])
        .to('out', out.sink()),
  })
  task = new Task(pipeline, options)
  await task.claim()
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  burnMs = 0
})
afterEach(async () => {
  await task.lose()
})

describe('an epoch ends', () => {
  test('when its time is up, with all it has read committed', async () => {
    await start()
    log.append(1, 2, 3, 4)
    const result = await task.epoch({ checkpointMs: 50 })
    expect(result).toMatchObject({
      epoch: 1,
      ended: 'interval',
      positions: { numbers: '4' },
      read: 4,
      written: 2,
      lag: 0,
    })
    expect(result.ledgers).toEqual({ out: { seq: 2, digest: expect.any(String) } })
    expect(out.values).toEqual([
      [4, 1_000],
      [8, 1_000],
    ])
    expect(out.newest).toMatchObject({ seq: 2, epoch: 1, time: 1_000, positions: { numbers: '4' } })
    expect(out.newest?.digest).toBe(result.ledgers['out']?.digest)
  })

  test('as idle where nothing came: nothing is committed, nothing moves', async () => {
    await start()
    const result = await task.epoch({ idleMs: 40, checkpointMs: 1 })
    expect(result).toMatchObject({ ended: 'idle', positions: { numbers: '0' }, read: 0, written: 0, commits: 0 })
    expect(out.did).not.toContain('commit')
  })

  test('as idle at a first record that comes late: that one belongs to the next', async () => {
    await start()
    const running = task.epoch()
    await delay(1_050)
    log.append(2)
    expect(await running).toMatchObject({ ended: 'idle', positions: { numbers: '0' }, read: 0 })
    expect(await task.epoch({ checkpointMs: 30 })).toMatchObject({ positions: { numbers: '1' }, read: 1 })
    expect(out.values).toEqual([[4, 2_000]])
  })

  test('at its bound, in the middle of a batch', async () => {
    await start({ until: '3' })
    log.append(0, 2, 4, 6, 8)
    expect(await task.epoch()).toMatchObject({ ended: 'until', positions: { numbers: '3' }, read: 3, lag: 2 })
    expect(out.values).toEqual([0, 4, 8].map((n) => [n, 1_000]))
    expect(await task.epoch()).toMatchObject({ ended: 'until', positions: { numbers: '3' }, read: 0 })
  })

  test('at a bound that lies in a gap', async () => {
    await start({ until: '4' })
    log.append(0, 2)
    log.gap(10)
    log.append(4)
    expect(await task.epoch()).toMatchObject({ ended: 'until', read: 2, positions: { numbers: '4' } })
    expect(out.values).toHaveLength(2)
  })

  test('where the source ends', async () => {
    log.ends = true
    log.append(2, 4)
    await start()
    expect(await task.epoch()).toMatchObject({ ended: 'until', positions: { numbers: '2' }, read: 2 })
  })

  test('at a failure of its source that is no use trying again, after what came before it', async () => {
    await start()
    log.append(2, 4)
    log.batch = 1
    const running = task.epoch()
    await delay(20)
    log.pollErrors.push(new SourceUnauthorized({ pipeline: 'epochs', source: 'numbers', operation: 'read' }))
    log.ring()
    const result = await running
    expect(result).toMatchObject({ ended: 'problem', positions: { numbers: '2' }, read: 2 })
    expect(result.problem).toMatchObject({ code: 'SourceUnauthorized', details: { operation: 'read' } })
    expect(out.values).toHaveLength(2)
  })
})

describe('a command ends an epoch', () => {
  test('that is under way', async () => {
    await start()
    log.append(2)
    const running = task.epoch()
    await delay(20)
    task.session.interrupt('interrupted', 1)
    expect(await running).toMatchObject({ ended: 'interrupted', positions: { numbers: '1' } })
    expect(out.values).toHaveLength(1)
  })

  test('before it has begun, and that one only', async () => {
    await start()
    log.append(2)
    task.session.interrupt('interrupted', 1)
    expect(await task.epoch()).toMatchObject({ ended: 'interrupted', read: 0 })
    expect(await task.epoch({ checkpointMs: 30 })).toMatchObject({ ended: 'interval', read: 1 })
    task.session.interrupt('interrupted', 7)
    log.append(4)
    expect(await task.epoch({ checkpointMs: 30 })).toMatchObject({ ended: 'interval', read: 1 })
  })

  test('between two records, not at the end of a long batch', async () => {
    burnMs = 2
    await start()
    log.append(...Array.from({ length: 400 }, (_, n) => n))
    const running = task.epoch()
    await delay(100)
    task.session.interrupt('interrupted', 1)
    const { read } = await running
    expect(read).toBeGreaterThan(0)
    expect(read).toBeLessThan(300)
    expect(out.values).toHaveLength(Math.ceil(read / 2))
  })

  test('released: the worker goes away, so claim elsewhere', async () => {
    await start()
    log.append(2)
    const running = task.epoch()
    await delay(20)
    task.session.interrupt('released')
    expect(await running).toMatchObject({ ended: 'released', positions: { numbers: '1' } })
    expect(task.state.session).toBeNull()
  })

  test('released before it has begun', async () => {
    await start()
    log.append(2)
    task.session.interrupt('released')
    expect(await task.epoch()).toMatchObject({ ended: 'released', read: 0 })
  })
})

describe('the commit clock', () => {
  test('makes outputs visible while the epoch goes on', async () => {
    await start({ commitMs: 20 })
    log.append(2)
    const running = task.epoch()
    await delay(80)
    expect(out.values).toHaveLength(1)
    const before = out.receipts.length
    await delay(60)
    expect(out.receipts.length, 'nothing new, no commit').toBe(before)
    log.append(4)
    await delay(80)
    expect(out.values).toHaveLength(2)
    task.session.interrupt('interrupted', 1)
    expect(await running).toMatchObject({ commits: 2, written: 2 })
  })

  test('a sink may leave it to the checkpoint', async () => {
    await start({ commitMs: null })
    task.blueprint = withCheckpoint(task)
    await task.again()
    log.append(2)
    const running = task.epoch({ checkpointMs: 1_500 })
    await delay(1_150)
    expect(out.values).toHaveLength(0)
    expect(await running).toMatchObject({ commits: 1 })
    expect(out.values).toHaveLength(1)
  })

  test('what is filtered out moves the position, and costs no commit', async () => {
    await start({ commitMs: 10 })
    log.append(1, 3, 5)
    expect(await task.epoch({ checkpointMs: 60 })).toMatchObject({
      read: 3,
      written: 0,
      commits: 0,
      positions: { numbers: '3' },
    })
    expect(out.newest).toMatchObject({ seq: 1, positions: { numbers: '0' } })
  })
})

test('slow steps give the event loop back after each record', async () => {
  burnMs = 40
  await start()
  log.append(...Array.from({ length: 12 }, (_, n) => n))
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await task.epoch({ until: { numbers: '12' } })
  clearInterval(timer)
  expect(turns).toBeGreaterThanOrEqual(10)
})

describe('records that are lost and skipped', () => {
  test('are counted, in an epoch of their own between the outputs of both sides', async () => {
    log.batch = 2
    await start()
    log.append(0, 2)
    const before = task.epoch()
    await delay(30)
    log.lostBelow = 5
    log.append(4, 6, 8, 10, 12)
    expect(await before).toMatchObject({ ended: 'interval', positions: { numbers: '2' }, read: 2 })
    const lost = await task.epoch()
    expect(lost).toMatchObject({ ended: 'interval', positions: { numbers: '5' }, read: 0, skipped: 3, commits: 0 })
    expect(await task.epoch({ checkpointMs: 30 })).toMatchObject({ positions: { numbers: '7' }, read: 2 })
    expect(out.values.map((value) => (value as number[])[0])).toEqual([0, 4, 20, 24])
  })

  test('are told once more where the answer was lost, and written by nobody', async () => {
    log.lostBelow = 3
    log.append(0, 2, 4, 6)
    await start()
    await task.lostEpoch()
    await task.claim()
    expect(await task.epoch()).toMatchObject({ positions: { numbers: '3' }, skipped: 3 })
    expect(await task.epoch({ checkpointMs: 30 })).toMatchObject({ positions: { numbers: '4' }, read: 1 })
  })

  test('leave the end of a bounded run where it is', async () => {
    log.lostBelow = 5
    log.append(0, 2, 4, 6, 8, 10)
    await start({ until: '4' })
    expect(await task.epoch()).toMatchObject({ positions: { numbers: '5' }, skipped: 5, read: 0 })
    expect(await task.epoch()).toMatchObject({ ended: 'until', positions: { numbers: '5' }, read: 0 })
    expect(out.values).toEqual([])
  })
})

test('trouble with the source is told with the checkpoint, for as long as there is any', async () => {
  await start()
  log.append(2)
  const running = task.epoch({ checkpointMs: 150 })
  await delay(30)
  log.openErrors.push(...Array.from({ length: 2 }, () => new Error('no broker')))
  log.pollErrors.push(new Error('connection lost'))
  log.ring()
  expect(await running).toMatchObject({ ended: 'interval', read: 1, trouble: { code: 'SourceUnavailable' } })
  log.append(4)
  const after = await task.epoch({ until: { numbers: '2' } })
  expect(after.trouble).toBeUndefined()
  expect(out.values).toHaveLength(2)
})

test('trouble that lasts ends an idle epoch, and so does its end', async () => {
  await start()
  const running = task.epoch()
  await delay(30)
  log.openErrors.push(...Array.from({ length: 5 }, () => new Error('no broker')))
  log.pollErrors.push(new Error('connection lost'))
  log.ring()
  expect(await running).toMatchObject({ ended: 'idle', read: 0, trouble: { code: 'SourceUnavailable' } })
  const after = await task.epoch()
  expect(after).toMatchObject({ ended: 'idle', read: 0 })
  expect(after.trouble).toBeUndefined()
})

test('decoding that never settles ends with its session, and makes no bad record', async () => {
  const calls: string[] = []
  const stalls = { ...silence.stalls, enter: () => void calls.push('enter'), leave: () => void calls.push('leave') }
  const never = new Promise<number>(() => undefined)
  const pipeline = definePipeline({
    name: 'stuck',
    sources: { numbers: log.source({ decode: () => never }) },
    steps: ({ numbers }) => numbers.to('out', out.sink()),
    onError: 'skip',
  })
  task = new Task(pipeline, { host: hostOf({ stalls }) })
  const session = await task.claim()
  log.append(2)
  const running = task.epoch()
  running.catch(() => undefined)
  await delay(30)
  await session.close()
  await expect(running).rejects.toThrow('aborted')
  expect(calls).toEqual(['enter', 'leave'])
  expect(out.values).toEqual([])
})

test('the source is told of a checkpoint once it is in history', async () => {
  await start()
  log.append(2)
  await task.epoch({ checkpointMs: 20 })
  expect(log.checkpointed).toEqual(['0'])
  await task.epoch({ idleMs: 20 })
  expect(log.checkpointed).toEqual(['0', '1'])
})

test('prefetched records stay over from epoch to epoch, and each is read once', async () => {
  log.batch = 3
  await start()
  log.append(...Array.from({ length: 10 }, (_, n) => n))
  await task.epoch({ until: { numbers: '4' } })
  await task.epoch({ until: { numbers: '5' } })
  expect(await task.epoch({ checkpointMs: 30 })).toMatchObject({ read: 5 })
  expect(out.values.map((value) => (value as number[])[0])).toEqual([0, 4, 8, 12, 16])
  expect(log.opened).toHaveLength(1)
})

function withCheckpoint({ blueprint }: Task): Task['blueprint'] {
  return {
    ...blueprint,
    stages: blueprint.stages.map((stage) => ({
      ...stage,
      sinks: stage.sinks.map((node) => ({ ...node, sink: { ...node.sink, commitsWithCheckpoint: true } })),
    })),
  }
}
