import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JoinKind } from '../../../../src/definition/joins.js'
import { transactional } from '../../definition/parts.js'
import { StageRun } from '../stage-run.js'
import { type Event, type Joined, JoinModel } from './join-model.js'

const sink = transactional()

interface Options {
  readonly how: JoinKind
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
  readonly maxDisorder: number
}

const options: fc.Arbitrary<Options> = fc.record({
  how: fc.constantFrom('inner', 'left', 'outer'),
  beforeMs: fc.nat(9),
  afterMs: fc.nat(9),
  graceMs: fc.oneof(fc.constant(0), fc.nat(9)),
  maxDisorder: fc.nat(12),
})

const run = ({ how, beforeMs, afterMs, graceMs, maxDisorder }: Options): StageRun<Event & { bad?: boolean }> =>
  new StageRun((s) => {
    const sides = s.branch('side', { left: (v) => v.side === 'left', right: (v) => v.side === 'right' })
    const left = sides.left.eventTime('left-time', (v) => v.at, { maxDisorder })
    const right = sides.right.eventTime('right-time', (v) => v.at, { maxDisorder })
    const within = { before: beforeMs, after: afterMs }
    const joined = left.join('j', right, { how, within, grace: graceMs }, (l, r, ctx): Joined => {
      return [l?.n ?? null, r?.n ?? null, ctx.timestamp]
    })
    // Behind the state of the join, within the same record.
    return [joined.to('out', sink), s.map('good', (v, ctx) => (v.bad ? ctx.reject('bad') : v.n)).to('all', sink)]
  })

test('a join against a naive model, with cuts and bad records', () => {
  const sent = fc.array(
    fc.record({
      side: fc.constantFrom('left' as const, 'right' as const),
      key: fc.constantFrom('a', 'b', 'a b', ''),
      at: fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -3, max: 3 })),
      bad: fc.nat(6).map((n) => n === 0),
      cut: fc.constantFrom('no', 'no', 'no', 'deltas', 'compact'),
    }),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(options, sent, fc.boolean(), (given, events, ends) => {
      const stage = run(given)
      const model = new JoinModel(given)
      for (const [n, { side, key, at, bad, cut }] of events.entries()) {
        if (cut !== 'no') stage.cut(cut === 'compact')
        expect(stage.send({ n, side, key, at, bad }, { key })).toBe(!bad)
        if (!bad) model.send({ n, side, key, at })
      }
      if (ends) {
        stage.end()
        model.close(Infinity)
        // Nothing is left but the two watermarks.
        expect(stage.states.delta() === null || stage.states.snapshot().length < 90).toBe(true)
      }
      expect(stage.values()).toEqual(model.out)
      for (const [id, value, key, time] of stage.out) {
        if (id !== 'out') continue
        const [left, right, at] = value as Joined
        expect([key, time]).toEqual([events[left ?? right ?? -1]?.key, at])
      }
    }),
    { numRuns: 300 },
  )
})

test('what is on time never depends on its order', () => {
  const sent = fc.array(
    fc.record({
      side: fc.constantFrom('left' as const, 'right' as const),
      at: fc.integer({ min: -25, max: 25 }),
      delay: fc.nat(8),
    }),
    { maxLength: 25 },
  )
  fc.assert(
    fc.property(options, sent, (given, events) => {
      const results = (order: readonly { n: number; side: Event['side']; at: number }[]): readonly unknown[] => {
        const stage = run({ ...given, maxDisorder: 8 })
        for (const { n, side, at } of order) stage.send({ n, side, at, key: 'k' })
        stage.end()
        return stage.values().toSorted((a, b) => (String(a) < String(b) ? -1 : 1))
      }
      const numbered = events.map((event, n) => ({ ...event, n }))
      const late = numbered.toSorted((a, b) => a.at + a.delay - (b.at + b.delay))
      const early = numbered.toSorted((a, b) => a.at - b.at)
      expect(results(late)).toEqual(results(early))
      // All that are near enough, and nothing else.
      const pairs = numbered.flatMap((l) =>
        numbered
          .filter((r) => l.side === 'left' && r.side === 'right')
          .filter((r) => r.at >= l.at - given.beforeMs && r.at <= l.at + given.afterMs)
          .map((r) => `${l.n},${r.n},${Math.max(l.at, r.at)}`),
      )
      const found = (results(late) as readonly Joined[]).filter(([l, r]) => l !== null && r !== null).map(String)
      expect(found).toEqual(pairs.toSorted())
    }),
    { numRuns: 150 },
  )
})

test('behind a join no value is late for a window without grace', () => {
  fc.assert(
    fc.property(
      options,
      fc.array(fc.record({ side: fc.constantFrom('left' as const, 'right' as const), at: fc.nat(40) }), {
        maxLength: 25,
      }),
      (given, events) => {
        const { how, beforeMs, afterMs, graceMs, maxDisorder } = given
        const seen: { time: number; watermark: number }[] = []
        const stage = new StageRun<Event>((s) => {
          const sides = s.branch('side', { left: (v) => v.side === 'left', right: (v) => v.side === 'right' })
          const right = sides.right.eventTime('right-time', (v) => v.at, { maxDisorder })
          return sides.left
            .eventTime('left-time', (v) => v.at, { maxDisorder })
            .join('j', right, { how, within: { before: beforeMs, after: afterMs }, grace: graceMs }, () => 0)
            .stateful('look', {
              init: () => 0,
              onRecord: (_, __, ctx) => (seen.push({ time: ctx.timestamp, watermark: ctx.watermark }), [0]),
            })
            .to('out', sink)
        })
        for (const [n, { side, at }] of events.entries()) stage.send({ n, side, at, key: 'k' })
        stage.end()
        expect(seen.filter(({ time, watermark }) => time <= watermark)).toEqual([])
      },
    ),
    { numRuns: 150 },
  )
})
