/** The rows of docs/semantics.md, by their names: what Flink and Kafka Streams do differently, and what happens here. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { table } from '../../../src/definition/table.js'
import { testPipeline } from '../../../src/testing/index.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'
import { Task } from '../engine/task.js'
import { collect, count } from '../../../src/definition/aggregators/index.js'
import type { End, Stream } from '../../../src/definition/stream.js'
import type { EventTime } from '../../../src/definition/marks.js'
import {
  hopping,
  session,
  sliding,
  tumbling,
  type SessionWindow,
  type TimeWindow,
  type Windowed,
} from '../../../src/definition/windows.js'
import type { JoinKind, JoinOptions } from '../../../src/definition/joins.js'
import { transactional } from '../definition/parts.js'
import { keyedSource, StageRun } from './stage-run.js'

const sink = transactional()
type Timed = Stream<number, string, EventTime>

/** A stage whose values are their times. */
const runOf = (steps: (s: Timed) => readonly End<string, unknown>[], maxDisorder = 0): StageRun<number> =>
  new StageRun<number>((s) => steps(s.eventTime('when', (v) => v, { maxDisorder })))

const windowed = (
  over: TimeWindow | SessionWindow,
  options: { grace?: number; emit?: 'final' | 'updates' } = {},
  maxDisorder = 0,
): StageRun<number> =>
  runOf((s) => {
    const windows = s.window('w', over, collect<number>(), options)
    return [windows.to('out', sink), windows.late.to('late', sink)]
  }, maxDisorder)

/** Left values are texts such as `l5`, right ones `r5`, at that time; pairs come out as `l5 r6 @6`. */
const joined = (options: JoinOptions<JoinKind>): StageRun<string> =>
  new StageRun<string>((s) => {
    const sides = s.branch('side', { left: (v) => v.startsWith('l'), right: () => true })
    const [left, right] = (['left', 'right'] as const).map((side) =>
      sides[side].eventTime(`${side}-time`, (v) => Number(v.slice(1)), { maxDisorder: 0 }),
    ) as [Stream<string, string, EventTime>, Stream<string, string, EventTime>]
    const pairs = left.join('j', right, options, (l, r, ctx) => `${l ?? '-'} ${r ?? '-'} @${ctx.timestamp}`)
    return [pairs.to('out', sink), pairs.late.left.to('late-left', sink), pairs.late.right.to('late-right', sink)]
  })

const windowsOf = (run: Pick<StageRun<unknown>, 'values'>): readonly string[] =>
  (run.values() as readonly Windowed<string, readonly number[]>[]).map(
    ({ key, start, end, value }) => `${key} ${start}..${end} ${value.join()}`,
  )

const rows: Readonly<Record<string, () => void | Promise<void>>> = {
  'the bound of lateness': () => {
    const run = windowed(tumbling(10), {}, 5)
    for (const value of [4, 14, 9, 15, 8]) run.send(value)
    // At 14 the watermark is 8, at 15 it is 9, the window's last ms.
    expect(windowsOf(run)).toEqual(['k 0..10 4,9'])
    expect(run.values('late')).toEqual([8])
  },
  'the watermark moves behind the record': () => {
    const run = runOf((s) => [
      s.stateful('look', { init: () => 0, onRecord: (v, _, ctx) => [[v, ctx.watermark]] }).to('out', sink),
    ])
    for (const value of [10, 30]) run.send(value)
    expect(run.values()).toEqual([
      [10, -Infinity],
      [30, 9],
    ])
  },
  'whose time it is': () => {
    const run = windowed(tumbling(10))
    run.send(1, { key: 'a' })
    run.send(9, { key: 'b' })
    expect(windowsOf(run)).toEqual([])
    run.send(10, { key: 'b' })
    expect(windowsOf(run)).toEqual(['a 0..10 1', 'b 0..10 9'])
  },
  'when a window closes, and what it gives': () => {
    const run = windowed(tumbling(10), { grace: 5 })
    for (const value of [1, 14, 9]) run.send(value)
    expect(windowsOf(run)).toEqual([])
    run.send(15)
    expect(windowsOf(run)).toEqual(['k 0..10 1,9'])
    run.send(2)
    expect(run.values('late')).toEqual([2])
  },
  updates: () => {
    const run = windowed(tumbling(10), { emit: 'updates', grace: 5 })
    for (const value of [1, 2, 30, 3]) run.send(value)
    expect(windowsOf(run)).toEqual(['k 0..10 1', 'k 0..10 1,2', 'k 30..40 30'])
    const slid = windowed(sliding(10), { emit: 'updates' }, 50)
    for (const value of [20, 15]) slid.send(value)
    // The window behind 15 has 20 only.
    expect(windowsOf(slid)).toEqual(['k 10..21 20', 'k 5..16 15', 'k 10..21 20,15', 'k 16..27 20'])
  },
  'a value of several windows, some of them closed': () => {
    const run = windowed(hopping(10, { every: 5 }))
    for (const value of [11, 7]) run.send(value)
    run.end()
    expect(windowsOf(run)).toEqual(['k 5..15 11,7', 'k 10..20 11'])
    expect(run.values('late')).toEqual([])
  },
  'the order in which windows close': () => {
    const run = windowed(tumbling(10))
    for (const [key, at] of [
      ['b', 15],
      ['a', 16],
      ['b', 5],
      ['a', 6],
    ] as const)
      run.send(at, { key })
    const late = run.values('late')
    expect(late).toEqual([5, 6])
    const all = windowed(tumbling(10), {}, 20)
    for (const [key, at] of [
      ['b', 15],
      ['a', 16],
      ['b', 5],
      ['a', 6],
    ] as const)
      all.send(at, { key })
    all.send(100)
    expect(windowsOf(all)).toEqual(['a 0..10 6', 'b 0..10 5', 'a 10..20 16', 'b 10..20 15'])
  },
  'the time of a result': () => {
    const run = windowed(tumbling(10))
    for (const value of [1, 11]) run.send(value)
    expect(run.out).toEqual([['out', { key: 'k', start: 0, end: 10, value: [1] }, 'k', 9]])
  },
  'windows before 1970': () => {
    const run = windowed(tumbling(10, { offset: 3 }))
    for (const value of [-8, -7, 2, 3]) run.send(value)
    run.end()
    expect(windowsOf(run)).toEqual(['k -17..-7 -8', 'k -7..3 -7,2', 'k 3..13 3'])
  },
  'hopping windows': () => {
    const run = windowed(hopping(10, { every: 4 }))
    run.send(9)
    run.end()
    expect(windowsOf(run)).toEqual(['k 0..10 9', 'k 4..14 9', 'k 8..18 9'])
  },
  'sliding windows': () => {
    const run = windowed(sliding(10))
    for (const value of [0, 5, 11]) run.send(value)
    run.end()
    // Ending at 0, at 5, at 11, and beginning behind 0, behind 5.
    expect(windowsOf(run)).toEqual(['k -10..1 0', 'k -5..6 0,5', 'k 1..12 5,11', 'k 6..17 11'])
  },
  'late values of sliding windows': () => {
    const run = windowed(sliding(10), { grace: 2 })
    for (const value of [20, 18, 17, 9]) run.send(value)
    // The watermark is 19: 18 is late by 1 ms, 17 by 2, which is all of the grace.
    expect(run.values('late')).toEqual([17, 9])
  },
  'the gap of a session': () => {
    const run = windowed(session(10))
    for (const value of [0, 10, 21]) run.send(value)
    run.end()
    expect(windowsOf(run)).toEqual(['k 0..20 0,10', 'k 21..31 21'])
  },
  'when a session closes': () => {
    const run = windowed(session(10))
    run.send(0, { key: 'a' })
    run.send(10, { key: 'b' })
    // The watermark is 9: a value at 10 would not be late, and is the session's.
    expect(windowsOf(run)).toEqual([])
    run.send(11, { key: 'b' })
    expect(windowsOf(run)).toEqual(['a 0..10 0'])
  },
  'sessions that merge': () => {
    const run = windowed(session(10), { emit: 'updates' }, 50)
    for (const value of [0, 20, 10]) run.send(value)
    expect(windowsOf(run)).toEqual(['k 0..10 0', 'k 20..30 20', 'k 0..30 0,10,20'])
  },
  'a late value and an open session': () => {
    const run = windowed(session(10))
    for (const value of [0, 9, 18, 5]) run.send(value)
    expect(run.values('late')).toEqual([])
    run.send(5, { key: 'other' })
    expect(run.values('late')).toEqual([5])
  },
  'windows of windows': () => {
    const run = runOf((s) => [
      s.window('small', tumbling(10), count(), { grace: 5 }).window('large', tumbling(20), count()).to('out', sink),
    ])
    // At 24 the watermark is 23, and 18 behind the small windows: that of 10 to 20 is open, so the large one is.
    for (const value of [5, 15, 24]) run.send(value)
    expect(run.values()).toEqual([])
    run.send(25)
    expect(run.values()).toEqual([{ key: 'k', start: 0, end: 20, value: 2 }])
  },
  'the order in which timers fire': () => {
    const run = runOf((s) => [
      s
        .stateful('t', {
          init: () => 0,
          onRecord: (v, _, ctx) => {
            for (const name of ['z', 'y']) ctx.timers.atEventTime(name, 50 - v)
            return []
          },
          onTimer: (_, ctx) => [`${ctx.timer.at} ${ctx.key} ${ctx.timer.name}`],
        })
        .to('out', sink),
    ])
    for (const [value, key] of [
      [1, 'b'],
      [1, 'a'],
      [2, 'a'],
    ] as const)
      run.send(value, { key })
    run.end()
    expect(run.values()).toEqual(['48 a y', '48 a z', '49 b y', '49 b z'])
  },
  'a timer that is due when it is set': () => {
    const run = runOf((s) => [
      s
        .stateful('t', {
          init: () => 0,
          onRecord: (v, _, ctx) => {
            if (v === 10) ctx.timers.atEventTime('t', -5)
            return []
          },
          onTimer: (_, ctx) => [ctx.watermark],
        })
        .to('out', sink),
    ])
    for (const value of [20, 10, 15, 21]) run.send(value)
    expect(run.values()).toEqual([20])
  },
  'a timer set by a timer': () => {
    const run = runOf((s) => [
      s
        .stateful('t', {
          init: () => 0,
          onRecord: (_, __, ctx) => (ctx.timers.atEventTime('t', 10), []),
          onTimer: (_, ctx) => (ctx.timers.atEventTime('t', ctx.timer.at + 10), [ctx.timer.at]),
        })
        .to('out', sink),
    ])
    run.send(0)
    // What moves the watermark sets it again, to 10.
    run.send(35)
    expect(run.values()).toEqual([10, 20, 30])
    run.end()
    expect(run.values()).toEqual([10, 20, 30, 40])
  },
  'processing time': () => {
    const run = runOf((s) => [
      s
        .stateful('t', {
          init: () => 0,
          onRecord: (_, __, ctx) => (ctx.timers.atProcessingTime('t', ctx.now + 10), []),
          onTimer: (_, ctx) => [ctx.now],
        })
        .to('out', sink),
    ])
    run.epoch(1000)
    run.send(5)
    run.epoch(1009)
    run.epoch(1500)
    expect(run.out).toEqual([['out', 1500, 'k', 1500]])
  },
  'the same id again': () => {
    const run = runOf((s) => [s.dedupe('d', { by: () => 'id', within: 10 }).to('out', sink)])
    for (const value of [0, 10, 5, 11]) run.send(value)
    expect(run.values()).toEqual([0, 11])
  },
  'the end of a bounded run': () => {
    const run = windowed(tumbling(10), { grace: 1000 })
    for (const value of [5, 25]) run.send(value)
    run.end()
    expect(windowsOf(run)).toEqual(['k 0..10 5', 'k 20..30 25'])
  },
  'which values meet': () => {
    const run = joined({ within: { before: 2, after: 3 } })
    for (const value of ['l10', 'r7', 'r8', 'r13', 'r14']) run.send(value)
    expect(run.values()).toEqual(['l10 r8 @10', 'l10 r13 @13'])
    run.send('r10', { key: 'other' })
    expect(run.values()).toHaveLength(2)
  },
  'a late value and a join': () => {
    for (const [grace, found] of [
      [0, []],
      [1, ['l9 r9 @9']],
    ] as const) {
      const run = joined({ within: 5, grace })
      // The watermark of both is 9, and 9 is not expected any more.
      for (const value of ['l10', 'r20', 'r9', 'l9']) run.send(value)
      expect(run.values().filter((pair) => String(pair).includes('9'))).toEqual(
        found.length === 0 ? [] : ['l10 r9 @10', ...found],
      )
      expect([run.values('late-left'), run.values('late-right')]).toEqual(grace === 0 ? [['l9'], ['r9']] : [[], []])
    }
  },
  'a value that meets none': () => {
    const run = joined({ how: 'left', within: { before: 0, after: 4 }, grace: 2 })
    for (const value of ['l10', 'r30', 'l16']) run.send(value)
    expect(run.values()).toEqual([])
    run.send('l17')
    expect(run.values()).toEqual(['l10 - @10'])
    expect(run.out[0]).toEqual(['out', 'l10 - @10', 'k', 10])
  },
  'the order in which lone values come': () => {
    const run = joined({ how: 'outer', within: { before: 1, after: 3 } })
    for (const [value, key] of [
      ['l4', 'b'],
      ['l4', 'a'],
      ['l5', 'z'],
      ['r6', 'c'],
    ] as const)
      run.send(value, { key })
    run.end()
    // Nothing can be missing any more at 7, 7, 7 and 8: by that, then left ones first, then keys.
    expect(run.out.map(([, value, key]) => `${String(value)} ${key}`)).toEqual([
      'l4 - @4 a',
      'l4 - @4 b',
      '- r6 @6 c',
      'l5 - @5 z',
    ])
  },
  'the order of several sources': async () => {
    const [left, right, out] = [new LogSource(), new LogSource(), new BreakableSink('out')]
    left.append(1, 4, 2)
    right.append(3, 4)
    left.ends = right.ends = true
    const pipeline = definePipeline({
      name: 'p',
      sources: { left: left.source(), right: right.source() },
      steps: (s) =>
        s.left
          .merge('both', s.right)
          .map('from', (n, ctx) => `${ctx.origin.source} ${n}`)
          .to('out', out.sink()),
    })
    const task = new Task(pipeline)
    await task.claim()
    await task.epoch()
    await task.lose()
    expect(out.values).toEqual(['left 1', 'right 3', 'left 4', 'left 2', 'right 4'])
  },
  'the row of a table': async () => {
    const pipeline = definePipeline({
      name: 'p',
      sources: { values: keyedSource<number>(), rows: table(keyedSource<string>()) },
      steps: (s) => s.values.joinTable('j', s.rows, { how: 'left' }, (n, row) => `${n} ${row ?? '-'}`).to('out', sink),
    })
    await using run = await testPipeline(pipeline)
    await run.send('values', { key: 'k', value: 1 })
    await run.send('rows', { key: 'k', value: 'new', timestamp: 20 })
    await run.send('rows', { key: 'k', value: 'newer, of an earlier time', timestamp: 10 })
    await run.send('values', { key: 'k', value: 2 })
    await run.send('rows', { key: 'k', value: null })
    await run.send('values', { key: 'k', value: 3 })
    expect(run.sink('out').values).toEqual(['1 -', '2 newer, of an earlier time', '3 -'])
  },
  'a stream that is idle': () => {
    const run = new StageRun<string>((s) => {
      const sides = s.branch('side', { left: (v) => v.startsWith('l'), right: () => true })
      const time = (v: string) => Number(v.slice(1))
      return sides.left
        .eventTime('left-time', time, { maxDisorder: 0 })
        .merge('both', sides.right.eventTime('right-time', time, { maxDisorder: 0, idleAfter: 100 }))
        .window('w', tumbling(10), collect<string>())
        .to('out', sink)
    })
    run.epoch(1_000)
    for (const value of ['r3', 'l5', 'l25']) run.send(value)
    run.epoch(1_050)
    run.epoch(1_149)
    expect(windowsOf(run)).toEqual([])
    run.epoch(1_150)
    expect(windowsOf(run)).toEqual(['k 0..10 r3,l5'])
  },
  'a value without a key': () => {
    const run = windowed(tumbling(10))
    expect(run.send(5, { key: null })).toBe(false)
    expect(String(run.failure)).toMatch(/no key/)
  },
  'a value without a time': () => {
    const run = windowed(tumbling(10))
    expect(run.send(Number.NaN)).toBe(false)
    expect(String(run.failure)).toMatch(/no valid event time/)
  },
}

test.each(Object.entries(rows))('%s', (_, row) => row())

test('docs/semantics.md has these rows, and no others', () => {
  const page = readFileSync(new URL('../../../docs/semantics.md', import.meta.url), 'utf8')
  const named = page.split('\n').flatMap((line) => /\| _(.*?)_ +\|$/.exec(line)?.[1] ?? [])
  expect(named).toEqual(Object.keys(rows))
})
