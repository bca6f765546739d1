import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSink } from '../../../src/definition/define-sink.js'
import { Session } from '../../../src/engine/session.js'
import { SinkUnavailable } from '../../../src/errors/sink.js'
import { BreakableSink, failOnce } from './breakable-sink.js'
import { owner } from './claims.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

const gone = new SinkUnavailable({ pipeline: 'p', stage: 'main', partition: 0, sink: 's', target: 't', doing: 'd' })

let log: LogSource
let a: BreakableSink
let b: BreakableSink
let task: Task

beforeEach(() => {
  log = new LogSource()
  a = new BreakableSink('a')
  b = new BreakableSink('b')
  const pipeline = definePipeline({
    name: 'sessions',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => [numbers.to('a', a.sink<number>()), numbers.to('b', b.sink<number>())],
  })
  task = new Task(pipeline, { commitMs: 0 })
})
afterEach(async () => {
  await task.lose()
})

describe('a claim', () => {
  test('fences every ledger, says what they hold and where they are', async () => {
    const session = await task.claim()
    expect(a.newest).toMatchObject({
      seq: 1,
      owner: { generation: 1, incarnation: 1, claim: 1, runId: 'run' },
      epoch: null,
    })
    expect(session.ledgers.map(({ id, mark }) => [id, mark.seq, mark.place])).toEqual([
      ['a', 1, 'place of a'],
      ['b', 1, 'place of b'],
    ])
    expect(task.state.checkpoint.ledgers['b']).toMatchObject({ seq: 1, place: 'place of b' })
  })

  test('that fails at one ledger closes the others, and reads nothing', async () => {
    b.hook = failOnce('open', gone)
    await expect(task.claim()).rejects.toBe(gone)
    expect(a.did).toEqual(['open', 'opened', 'close'])
    expect(log.opened).toEqual([])
  })

  test('that is refused closes the writer it has opened', async () => {
    await task.claim()
    log.append(1)
    await task.epoch({ until: { numbers: '1' } })
    await task.lose()
    const { checkpoint } = task.state
    const mark = { seq: 1, digest: 'of others' }
    await expect(task.claim({ checkpoint: { ...checkpoint, ledgers: { a: mark } } })).rejects.toMatchObject({
      code: 'ForeignReceipt',
    })
    expect(a.did.at(-1)).toBe('close')
    expect(a.did.filter((at) => at === 'close')).toHaveLength(2)
  })

  test('over a ledger that is behind is refused, and commits nothing', async () => {
    await task.claim()
    await task.lose()
    const before = a.receipts.length
    const { checkpoint } = task.state
    const mark = { seq: 99, digest: '' }
    const claim = task.claim({ checkpoint: { ...checkpoint, ledgers: { a: mark } } })
    await expect(claim).rejects.toMatchObject({ code: 'SinkBehind' })
    expect(a.receipts).toHaveLength(before)
  })

  test('of an older owner is refused, and commits nothing', async () => {
    await task.claim()
    await task.lose()
    const before = a.receipts.length
    await expect(task.claim({ owner: owner(1, 0, 99) })).rejects.toMatchObject({ code: 'GenerationFenced' })
    expect(a.receipts).toHaveLength(before)
  })

  test('of a source that can not be opened closes all ledgers', async () => {
    log.openErrors.push(new Error('no source'))
    await expect(task.claim()).rejects.toThrow('no source')
    expect([a.did.at(-1), b.did.at(-1)]).toEqual(['close', 'close'])
  })

  test('of a sink that does not fence is refused', async () => {
    const careless = defineSink<number, unknown>({
      kind: 'careless',
      mode: 'transactional',
      encode: ({ value }) => value,
      inspect: async () => null,
      open: async () => ({
        receipt: null,
        write: async () => undefined,
        commit: async () => undefined,
        abort: async () => undefined,
        close: async () => undefined,
      }),
    })
    const pipeline = definePipeline({
      name: 'careless',
      sources: { numbers: log.source() },
      steps: ({ numbers }) => numbers.to('a', careless),
    })
    await expect(new Task(pipeline).claim()).rejects.toThrow("sink 'a' (careless) opened without calling fence()")
  })

  test('tells what the ledgers hold of a code that differs by build or plan only', async () => {
    const first = await task.claim()
    const again = await task.again()
    expect(again.claim.fingerprint).toBe(first.claim.fingerprint)
    task.host = hostOf({ buildId: 'new' })
    expect((await task.again()).claim.fingerprint).not.toBe(first.claim.fingerprint)
  })
})

describe('an epoch is refused (PROTOCOL 4)', () => {
  const lost = (reason: string) => ({
    code: 'SessionLost',
    retryable: true,
    details: { reason: expect.stringContaining(reason) },
  })

  test('for another claim, another epoch, another position', async () => {
    const session = await task.claim()
    const input = task.epochInput()
    await expect(session.run({ ...input, owner: owner(1, 1, 2) })).rejects.toMatchObject(lost('another claim'))
    await expect(session.run({ ...input, owner: owner(1, 1, 1, 'other') })).rejects.toMatchObject(lost('another claim'))
    await expect(session.run({ ...input, epoch: 2 })).rejects.toMatchObject(lost('at epoch 0, not before epoch 2'))
    await expect(session.run({ ...input, positions: { numbers: '5' } })).rejects.toMatchObject(
      lost('stands at {"numbers":"0"}'),
    )
    expect(session.closed).toBe(false)
    log.append(1)
    expect(await task.epoch({ until: { numbers: '1' } })).toMatchObject({ read: 1 })
    await expect(session.run(input)).rejects.toMatchObject(lost('at epoch 1, not before epoch 1'))
  })

  test('while another runs', async () => {
    const session = await task.claim()
    const running = task.epoch()
    await expect(session.run(task.epochInput())).rejects.toMatchObject(lost('another epoch'))
    session.interrupt('interrupted', 1)
    expect(await running).toMatchObject({ ended: 'interrupted' })
  })

  test('once it is closed', async () => {
    const session = await task.claim()
    await session.close()
    await expect(session.run(task.epochInput())).rejects.toMatchObject(lost('closed'))
  })
})

describe('closing', () => {
  test('ends the epoch under way with an error, writes nothing more, and closes everything once', async () => {
    const session = await task.claim()
    log.append(1)
    const running = task.epoch()
    await delay(20)
    const before = a.receipts.length
    const failure = running.catch((error: unknown) => error)
    await Promise.all([session.close(), session.close()])
    expect(await failure).toMatchObject({ name: 'AbortError' })
    log.append(2)
    await delay(20)
    expect(a.receipts).toHaveLength(before)
    expect([a, b].map(({ did }) => did.filter((at) => at === 'close').length)).toEqual([1, 1])
    expect(log.closed).toBe(1)
  })

  test('an error of an epoch closes the session: the task claims again', async () => {
    const session = await task.claim()
    a.hook = failOnce('commit', gone)
    log.append(1)
    await expect(task.epoch()).rejects.toBe(gone)
    expect(session.closed).toBe(true)
    expect([a.did.at(-1), b.did.at(-1), log.closed]).toEqual(['close', 'close', 1])
  })

  test('waits for the commits of the other ledgers that are under way', async () => {
    await task.claim()
    a.hook = failOnce('commit', gone)
    b.hook = (at) => (at === 'commit' ? delay(60) : undefined)
    log.append(1)
    await expect(task.epoch()).rejects.toBe(gone)
    expect(b.did.slice(-3)).toEqual(['commit', 'committed', 'close'])
  })

  test('a session that no epoch comes to closes itself after two minutes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const session = await task.claim()
      await vi.advanceTimersByTimeAsync(119_000)
      expect(session.closed).toBe(false)
      await vi.advanceTimersByTimeAsync(2_000)
      expect(session.closed).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})

test('several sinks of one scope share a ledger and its digest; the first opens for all', async () => {
  const shared = new BreakableSink('shared')
  const one = shared.sink<number>({ scope: 'cluster' })
  const two = shared.sink<number>({ scope: 'cluster' })
  const pipeline = definePipeline({
    name: 'shared',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => [numbers.to('one', one), numbers.map('negate', (n) => -n).to('two', two)],
  })
  task = new Task(pipeline, { commitMs: 0 })
  const session = await task.claim()
  expect(session.ledgers.map(({ id, sinks }) => [id, sinks.map((sink) => sink.id)])).toEqual([
    ['cluster', ['one', 'two']],
  ])
  log.append(1, 2)
  const { ledgers } = await task.epoch({ until: { numbers: '2' } })
  expect(Object.keys(ledgers)).toEqual(['cluster'])
  expect(shared.values).toEqual([-1, 1, -2, 2])
  expect(shared.did.filter((at) => at === 'open')).toHaveLength(1)
})

test('sessions belong to a task of one stage with a source', async () => {
  const stage = { ...task.stage(), sources: [] }
  await expect(Session.open(task.host, task.blueprint, stage, task.claimInput())).rejects.toThrow(
    "stage 'main' has no source",
  )
})
