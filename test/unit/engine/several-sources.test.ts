import { setTimeout as delay } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { SinkUnavailable } from '../../../src/errors/sink.js'
import { waitUntil } from '../../setup/wait-until.js'
import { BreakableSink, failOnce, type Hook } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { hostOf, Task } from './task.js'

const gone = new SinkUnavailable({ pipeline: 'p', stage: 'main', partition: 0, sink: 's', target: 't', doing: 'd' })

/** What comes out: the value, where it is from, and which of all it was when it came. */
interface Seen {
  readonly n: number
  readonly from: string
  readonly nth: number
}

let left: LogSource
let right: LogSource
let all: BreakableSink
let some: BreakableSink
let task: Task

/** Both sources as one, counted in the order in which they come: that is state. All of it to one ledger, some to another. */
function taskOf(gatherMs: number, commitMs: number | null = 0): Task {
  left.decodeKey = right.decodeKey = () => 'k'
  const pipeline = definePipeline({
    name: 'several',
    sources: { left: left.source(), right: right.source() },
    steps: (s) => {
      const seen = s.left
        .merge('both', s.right)
        .keyBy('one', () => 'k', {
          key: { encode: () => Buffer.from('k'), decode: () => 'k' },
          alreadyPartitioned: true,
        })
        .stateful('nth', {
          init: () => 0,
          onRecord: (n, state, ctx): Seen[] => {
            state.set(state.get() + 1)
            return [{ n, from: `${ctx.origin.source}-${ctx.origin.position}`, nth: state.get() }]
          },
        })
      return [seen.to('all', all.sink()), seen.filter('third', ({ nth }) => nth % 3 === 0).to('some', some.sink())]
    },
  })
  return new Task(pipeline, { commitMs, host: hostOf({ gatherMs }) })
}

const seenIn = (sink: BreakableSink): readonly Seen[] => sink.values as readonly Seen[]

beforeEach(() => {
  left = new LogSource()
  right = new LogSource()
  all = new BreakableSink('all')
  some = new BreakableSink('some')
})
afterEach(async () => {
  await task.lose()
})

describe('several sources', () => {
  test('go through the steps by time, and are one checkpoint', async () => {
    left.append(1, 4, 4, 9)
    right.append(2, 4, 3, 8)
    left.ends = right.ends = true
    task = taskOf(50)
    await task.claim()
    const result = await task.epoch()
    expect(result).toMatchObject({ ended: 'until', positions: { left: '4', right: '4' }, read: 8, lag: 0 })
    // Of equal times the source defined first; within a source the order is its own.
    expect(seenIn(all).map(({ n, from }) => `${from}=${n}`)).toEqual([
      'left-0=1',
      'right-0=2',
      'left-1=4',
      'left-2=4',
      'right-1=4',
      'right-2=3',
      'right-3=8',
      'left-3=9',
    ])
    expect(all.newest?.positions).toEqual({ left: '4', right: '4' })
  })

  test('a bounded run ends where each source ended at its start', async () => {
    left.append(1, 5, 9)
    right.append(2, 6, 7)
    task = taskOf(50)
    task.state = { ...task.state, until: { left: '1', right: '2' } }
    await task.claim()
    const result = await task.epoch()
    expect(result).toMatchObject({ ended: 'until', positions: { left: '1', right: '2' }, read: 3 })
    expect(seenIn(all).map(({ n }) => n)).toEqual([1, 2, 6])
  })

  test('one that is silent is left out until the epoch ends', async () => {
    task = taskOf(5)
    await task.claim()
    const running = task.epoch({ checkpointMs: 300 })
    left.append(1, 2)
    await waitUntil(() => all.values.length === 2)
    right.append(1)
    expect(await running).toMatchObject({ positions: { left: '2', right: '0' } })
    const next = task.epoch({ checkpointMs: 1 })
    await waitUntil(() => all.values.length === 3)
    expect(await next).toMatchObject({ positions: { left: '2', right: '1' } })
  })

  test('a crash between the commits of two ledgers: each gets what it lacks, in the same order', async () => {
    task = taskOf(1_000)
    await task.claim()
    left.append(1, 5, 6)
    right.append(2, 3, 7, 20)
    some.hook = failOnce('commit', gone)
    await task.lostEpoch()
    expect(seenIn(all).map(({ n }) => n)).toEqual([1, 2, 3])
    expect(some.values).toEqual([])
    left.append(4)
    await task.claim()
    expect(await task.epoch()).toMatchObject({ ended: 'caught-up', positions: { left: '1', right: '2' } })
    expect(seenIn(some).map(({ nth }) => nth)).toEqual([3])
    await task.epoch({ checkpointMs: 100 })
    expect(seenIn(all).map(({ n }) => n)).toEqual([1, 2, 3, 5, 6, 4])
    expect(seenIn(some).map(({ n }) => n)).toEqual([3, 4])
  })

  test('items that are refused: what is committed is where each source stood', async () => {
    all.refuses = ({ data }) => ((data as Seen).n % 2 === 0 ? 'commit' : null)
    left.append(...Array.from({ length: 300 }, (_, i) => 2 * i + 1))
    right.append(...Array.from({ length: 300 }, (_, i) => 2 * i + 1), 50)
    left.ends = right.ends = true
    // One commit of everything, which is cut where a sink refuses.
    task = taskOf(50, null)
    task.blueprint = { ...task.blueprint, onError: { kind: 'skip' } }
    left.records.forEach((record, i) => i % 40 === 0 && Object.assign(record, { value: 2 * i }))
    // Lost after each commit in turn: what is committed of a part must be a place that is passed again.
    for (let commits = 1; commits < 12; commits++) {
      let toGo = commits
      all.hook = ((now) => {
        if (now === 'committed' && --toGo === 0) throw gone
      }) satisfies Hook
      await task.lose()
      await task.claim()
      await task.epoch().catch((error: unknown) => expect(error).toBe(gone))
    }
    all.hook = () => undefined
    await task.again()
    while ((await task.epoch()).ended !== 'until');
    const written = seenIn(all).map(({ nth }) => nth)
    expect(written).toEqual(written.toSorted((a, b) => a - b))
    expect(new Set(written).size).toBe(written.length)
    expect(seenIn(all).every(({ n }) => n % 2 === 1)).toBe(true)
    expect(written).toHaveLength([...left.records, ...right.records].filter(({ value }) => value % 2 === 1).length)
  })
})

type Action =
  | { readonly do: 'append'; readonly to: 'left' | 'right'; readonly values: readonly number[] }
  | { readonly do: 'gap'; readonly to: 'left' | 'right' }
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'crash' }
  | { readonly do: 'fail'; readonly of: 'all' | 'some'; readonly at: 'commit' | 'committed' | 'write' }

const side = fc.constantFrom('left' as const, 'right' as const)
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      to: side,
      values: fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gap' as const), to: side }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pause' as const), ms: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'crash' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      of: fc.constantFrom('all' as const, 'some' as const),
      at: fc.constantFrom('commit' as const, 'committed' as const, 'write' as const),
    }),
  },
)

test('whatever comes when, and whatever is lost: each record once, in one order that both ledgers and state agree on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 25 }),
      fc.nat(3),
      fc.integer({ min: 1, max: 3 }),
      async (actions, gatherMs, batch) => {
        left = new LogSource()
        right = new LogSource()
        left.batch = right.batch = batch
        all = new BreakableSink('all')
        some = new BreakableSink('some')
        task = taskOf(gatherMs)
        const over = new AbortController()
        let wrong: unknown
        const run = async (): Promise<void> => {
          while (!over.signal.aborted) {
            try {
              await task.again()
              while (!over.signal.aborted) await task.epoch({ checkpointMs: 4, idleMs: 30 })
            } catch (error) {
              const { code } = error as { readonly code?: unknown }
              // Sessions are lost, and that is all that goes wrong.
              if (code === 'SinkUnavailable' || code === 'SessionLost' || typeof code !== 'string') continue
              wrong = error
              over.abort()
            }
          }
        }
        const running = run()
        for (const one of actions) {
          const log = 'to' in one && one.to === 'left' ? left : right
          if (one.do === 'append') log.append(...one.values)
          else if (one.do === 'gap') log.gap(2)
          else if (one.do === 'pause') await delay(one.ms)
          else if (one.do === 'crash') await task.lose()
          else (one.of === 'all' ? all : some).hook = failOnce(one.at, gone)
        }
        const count = left.records.length + right.records.length
        await waitUntil(
          () => wrong !== undefined || (seenIn(all).length >= count && seenIn(some).length >= Math.floor(count / 3)),
          {
            for: `${count} outputs`,
            every: 1,
          },
        ).catch((error: unknown) => (wrong ??= error))
        over.abort()
        await task.lose()
        await running
        expect(wrong).toBeUndefined()
        const seen = seenIn(all)
        expect(seen.map(({ nth }) => nth)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
        expect(seenIn(some)).toEqual(seen.filter(({ nth }) => nth % 3 === 0))
        for (const [name, log] of Object.entries({ left, right })) {
          const mine = seen.filter(({ from }) => from.startsWith(name))
          expect(mine.map(({ from, n }) => [from, n])).toEqual(
            log.records.map(({ position, value }) => [`${name}-${position}`, value]),
          )
        }
      },
    ),
    { numRuns: 200 },
  )
}, 300_000)
