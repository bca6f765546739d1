/** A step under its old id with other settings: what it kept would mean something else now. */
import { inflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { collect } from '../../../src/definition/aggregators/index.js'
import type { JoinKind } from '../../../src/definition/joins.js'
import { table } from '../../../src/definition/table.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import {
  hopping,
  session,
  sliding,
  tumbling,
  type SessionWindow,
  type TimeWindow,
} from '../../../src/definition/windows.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { stageStates } from '../../../src/engine/stage-states.js'
import { SegmentReader, SegmentWriter } from '../../../src/state/segment.js'
import { transactional } from '../definition/parts.js'
import { keyedSource, StageRun, type Steps } from './stage-run.js'

const sink = transactional()

const windows =
  (over: TimeWindow | SessionWindow): Steps<number> =>
  (s) =>
    s
      .eventTime('when', (v) => v, { maxDisorder: 0 })
      .window('w', over, collect<number>())
      .map('text', ({ start, end, value }) => `${start}..${end} ${value.join()}`)
      .to('out', sink)

const joined =
  (how: JoinKind, within: number | { before: number; after: number }): Steps<number> =>
  (s) => {
    const timed = s.eventTime('when', (v) => v, { maxDisorder: 0 })
    return timed.join('j', timed, { how, within }, (l, r) => `${l} ${r}`).to('out', sink)
  }

const counted =
  (ttl?: number): Steps<number> =>
  (s) =>
    s.reduce('sum', (a, b) => a + b, ttl === undefined ? {} : { ttl }).to('out', sink)

const changes: readonly [what: string, before: Steps<number>, after: Steps<number>, told: string][] = [
  ['a larger window', windows(tumbling(10)), windows(tumbling(20)), 'kept tumbling:10, this is tumbling:20'],
  ['another offset', windows(tumbling(10)), windows(tumbling(10, { offset: 3 })), 'this is tumbling:10/offset:3'],
  ['another hop', windows(hopping(10, { every: 5 })), windows(hopping(10, { every: 3 })), 'kept hopping:10/every:5'],
  ['another kind', windows(tumbling(10)), windows(sliding(10)), 'kept tumbling:10, this is sliding:10'],
  ['the other way round', windows(sliding(10)), windows(tumbling(10)), 'kept sliding:10, this is tumbling:10'],
  ['another gap', windows(session(10)), windows(session(20)), 'kept session:10, this is session:20'],
  ['another time to meet', joined('inner', 100), joined('inner', 60), 'kept inner/before:100/after:100, this is'],
  ['values that are alone', joined('inner', 10), joined('left', 10), 'this is left/before:10/after:10'],
  ['a ttl', counted(), counted(10), "'sum values': kept plain, this is ttl"],
  ['no ttl any more', counted(10), counted(), "'sum values': kept ttl, this is plain"],
]

test.each(changes)('%s: what was kept is refused, and goes on with the settings back', (_, before, after, told) => {
  const run = new StageRun<number>(before)
  // Nine digits: what has no ttl must not be taken for a time and a digit.
  run.send(123_456_789)
  expect(() => run.cut(false, after)).toThrow(told)
  run.cut(false, before)
  run.send(123_456_790)
  run.end()
  const uncut = new StageRun<number>(before)
  for (const value of [123_456_789, 123_456_790]) uncut.send(value)
  uncut.end()
  expect(run.values()).toEqual(uncut.values())
  expect(run.values().length).toBeGreaterThan(0)
})

/** As versions kept it that told of no settings. */
function withoutForms(segment: Uint8Array): Uint8Array {
  const reader = new SegmentReader(inflateRawSync(segment))
  const writer = new SegmentWriter()
  while (reader.next()) {
    writer.table(reader.table.split(' ', 2).join(' '), 1)
    writer.entry(reader.key, reader.length < 0 ? null : reader.bytes.subarray(reader.from, reader.from + reader.length))
  }
  return writer.finish()
}

/** A checkpoint of a version that told of no settings. */
function checkpointOfOld(run: StageRun<number>): void {
  run.checkpoint()
  run.segments.splice(0, Infinity, ...run.segments.map(withoutForms))
}

test.each<[string, Steps<number>]>([
  ['tumbling windows', windows(tumbling(10))],
  ['hopping windows', windows(hopping(10, { every: 5 }))],
  ['sliding windows', windows(sliding(10))],
  ['sessions', windows(session(10))],
  ['joins', joined('left', 10)],
  ['sums', counted()],
])('%s that were kept without their settings go on', (_, steps) => {
  const [run, uncut] = [new StageRun<number>(steps), new StageRun<number>(steps)]
  for (const one of [run, uncut]) one.send(5)
  checkpointOfOld(run)
  run.cut(false, steps)
  for (const one of [run, uncut]) one.send(7)
  // Some of it has a form now, and some hasn't.
  run.cut(false, steps)
  for (const one of [run, uncut]) one.end()
  expect(run.values()).toEqual(uncut.values())
  expect(run.values().length).toBeGreaterThan(0)
})

test('a ttl is not taken for one that was always there', () => {
  const run = new StageRun<number>(counted())
  run.send(123_456_789)
  checkpointOfOld(run)
  expect(() => run.cut(false, counted(10))).toThrow("'sum values': kept plain, this is ttl")
})

test('what was kept without settings is of those that stand behind it', () => {
  const run = new StageRun<number>(windows(tumbling(10)))
  for (const value of [1, 5]) run.send(value)
  checkpointOfOld(run)
  run.send(15)
  expect(run.values()).toEqual(['0..10 1,5'])
  // '0..10' is gone in the form of now; before that it had none.
  expect(() => run.cut(false, windows(tumbling(20)))).toThrow("'w windows': kept tumbling:10, this is tumbling:20")
  run.cut(false, windows(tumbling(10)))
  run.end()
  run.cut(false, windows(tumbling(20)))
  run.send(25)
  run.end()
  expect(run.values()).toEqual(['0..10 1,5', '10..20 15', '20..40 25'])
})

test('with nothing left of it, nothing is refused', () => {
  const run = new StageRun<number>(windows(tumbling(10)))
  run.send(5)
  run.checkpoint()
  run.end()
  run.cut(false, windows(tumbling(20)))
  run.send(25)
  run.cut(false, windows(tumbling(20)))
  run.end()
  expect(run.values()).toEqual(['0..10 5', '20..40 25'])
})

test('a ttl of another length is the same state; so is one of a table', () => {
  const run = new StageRun<number>(counted(10))
  run.send(1)
  run.cut(false, counted(20))
  run.send(2)
  expect(run.values()).toEqual([1, 3])
  const rows = (ttl: number | null) => {
    const pipeline = definePipeline({
      name: 'p',
      sources: { values: keyedSource<number>(), rows: table(keyedSource<string>()) },
      steps: (s) =>
        s.values
          .joinTable('j', s.rows, ttl === null ? {} : { state: { ttl } }, (n, row) => `${n} ${row}`)
          .to('out', sink),
    })
    const [stage] = blueprintOf(pipeline).stages
    if (stage === undefined) throw new Error('no stage')
    return stageStates(stage)
  }
  const kept = rows(null)
  kept.all.get('j rows')?.set('k', 'row')
  const [same, other] = [rows(null), rows(10)]
  for (const states of [same, other]) states.restore(kept.snapshot())
  expect(same.restored({ j: 1 })).toEqual([])
  expect(same.all.get('j rows')?.get('k')).toBe('row')
  expect(other.restored({ j: 1 })).toEqual(["'j rows': kept plain, this is ttl"])
})

test('with more disorder than before, sliding windows that have closed stay closed', () => {
  const slid =
    (maxDisorder: number): Steps<number> =>
    (s) => {
      const results = s.eventTime('when', (v) => v, { maxDisorder }).window('w', sliding(10), collect<number>())
      return [
        results.map('text', ({ start, end, value }) => `${start}..${end} ${value.join()}`).to('out', sink),
        results.late.to('late', sink),
      ]
    }
  const run = new StageRun<number>(slid(0))
  for (const value of [18, 20, 22]) run.send(value)
  expect(run.values()).toEqual(['8..19 18', '10..21 18,20'])
  run.cut(false, slid(100))
  run.send(15)
  run.end()
  expect(run.values('late')).toEqual([15])
  expect(run.values().slice(2)).toEqual(['12..23 18,20,22', '19..30 20,22', '21..32 22'])
})
