import { expect, test } from 'vitest'
import { count } from '../../../src/definition/aggregators/index.js'
import type { Stream } from '../../../src/definition/stream.js'
import { tumbling } from '../../../src/definition/windows.js'
import { RecordRejected } from '../../../src/errors/record.js'
import { transactional } from '../definition/parts.js'
import { StageRun } from './stage-run.js'

const sink = transactional()
const timed = (maxDisorder: number) => (s: Stream<unknown, string>) =>
  s.eventTime('when', (v) => v as number, { maxDisorder }).to('out', sink)

test('a Date or a number is the time that later steps and sinks see', () => {
  const run = new StageRun<unknown>((s) => [
    s.eventTime('when', (v) => v as Date, { maxDisorder: 0 }).to('out', sink),
    s.to('raw', sink),
  ])
  for (const value of [new Date(7), 8.9, -0.5]) run.send(value, { timestamp: 1 })
  expect(run.out.map(([id, , , at]) => [id, at])).toEqual([
    ['out', 7],
    ['raw', 1],
    ['out', 8],
    ['raw', 1],
    ['out', -1],
    ['raw', 1],
  ])
})

test.each([[Number.NaN], [Infinity], [8.64e15 + 1], [new Date(Number.NaN)], ['2026-01-01'], [undefined], [1n]])(
  '%s is no time: the record is bad, and the watermark stays',
  (value) => {
    const run = new StageRun<unknown>(timed(0))
    run.send(5)
    expect(run.send(value)).toBe(false)
    expect(run.failure).toBeInstanceOf(RecordRejected)
    expect(run.failure).toMatchObject({ details: { step: 'when' } })
    expect(run.stage.time.watermark).toBe(4)
  },
)

test("Kafka's -1 of a record without a timestamp is no time; a value's own -1 is one", () => {
  const run = new StageRun<number>((s) =>
    s.eventTime('when', (_, ctx) => ctx.timestamp, { maxDisorder: 0 }).to('out', sink),
  )
  expect(run.send(1, { timestamp: -1 })).toBe(false)
  expect(run.failure).toBeInstanceOf(RecordRejected)
  expect(run.send(1, { timestamp: 0 })).toBe(true)
  const own = new StageRun<unknown>(timed(0))
  expect(own.send(-1, { timestamp: 5 })).toBe(true)
  const again = new StageRun<number>((s) =>
    s
      .eventTime('first', (v) => v, { maxDisorder: 0 })
      .eventTime('when', (_, ctx) => ctx.timestamp, { maxDisorder: 0 })
      .to('out', sink),
  )
  expect(again.send(-1)).toBe(true)
})

test('the watermark is the latest time less disorder and 1 ms, and never goes back', () => {
  const run = new StageRun<unknown>(timed(10))
  expect(run.stage.time.watermark).toBe(null)
  for (const [time, watermark] of [
    [100, 89],
    [50, 89],
    [101, 90],
  ]) {
    run.send(time)
    expect(run.stage.time.watermark).toBe(watermark)
  }
  run.cut()
  expect(run.stage.time.watermark).toBe(90)
})

test('the watermark moves behind the record: a record far ahead does not make itself or its like late', () => {
  const run = new StageRun<number>((s) =>
    s
      .eventTime('when', (v) => v, { maxDisorder: 0 })
      .flatMap('twice', (v) => [v, v])
      .stateful('seen', { init: () => 0, onRecord: (v, _, ctx) => [[v, ctx.watermark]] })
      .to('out', sink),
  )
  for (const value of [5, 100]) run.send(value)
  expect(run.values()).toEqual([
    [5, -Infinity],
    [5, -Infinity],
    [100, 4],
    [100, 4],
  ])
})

test('the least of merged clocks counts', () => {
  const run = new StageRun<{ a: number; b: number }>((s) =>
    s
      .eventTime('a', (v) => v.a, { maxDisorder: 0 })
      .merge(
        'both',
        s.eventTime('b', (v) => v.b, { maxDisorder: 0 }),
      )
      .window('w', tumbling(10), count())
      .to('out', sink),
  )
  run.send({ a: 5, b: 5 })
  run.send({ a: 50, b: 6 })
  expect(run.out).toEqual([])
  run.send({ a: 51, b: 10 })
  expect(run.values()).toEqual([{ key: 'k', start: 0, end: 10, value: 3 }])
})

test('windows of windows: results of one are not late for the next, at the watermark that let them through', () => {
  const run = new StageRun<number>((s) =>
    s
      .eventTime('when', (v) => v, { maxDisorder: 0 })
      .window('small', tumbling(10), count(), { grace: 7 })
      .window('large', tumbling(20), count())
      .to('out', sink),
  )
  for (const value of [1, 11, 25]) run.send(value)
  expect(run.out).toEqual([])
  run.send(27)
  expect(run.out).toEqual([['out', { key: 'k', start: 0, end: 20, value: 2 }, 'k', 19]])
  run.send(40)
  run.end()
  expect(run.values()).toEqual([
    { key: 'k', start: 0, end: 20, value: 2 },
    { key: 'k', start: 20, end: 40, value: 1 },
    { key: 'k', start: 40, end: 60, value: 1 },
  ])
})

test('another event time behind a window: its clock moves with the results, at the end of a run too', () => {
  const run = new StageRun<number>((s) =>
    s
      .eventTime('when', (v) => v, { maxDisorder: 0 })
      .window('small', tumbling(10), count())
      .eventTime('again', (w) => w.start, { maxDisorder: 0 })
      .window('large', tumbling(20), count())
      .to('out', sink),
  )
  for (const value of [1, 11, 21, 31]) run.send(value)
  expect(run.values()).toEqual([{ key: 'k', start: 0, end: 20, value: 2 }])
  run.cut()
  run.end()
  expect(run.values().slice(1)).toEqual([{ key: 'k', start: 20, end: 40, value: 2 }])
})
