import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hopping, session, sliding, tumbling } from '../../../../src/definition/windows.js'
import type { WindowShape } from '../../../../src/steps/window/window.js'
import { transactional } from '../../definition/parts.js'
import { StageRun } from '../stage-run.js'
import { type Event, numbers, WindowModel } from './window-model.js'

const sink = transactional()

interface Case {
  readonly over: WindowShape
  readonly maxDisorder: number
  readonly grace: number
  readonly emit: 'final' | 'updates'
  readonly sent: readonly { key: string; at: number; bad: boolean; cut: 'no' | 'deltas' | 'compact' }[]
  readonly ends: boolean
}

const run = ({ over, maxDisorder, grace, emit }: Case): StageRun<Event & { bad: boolean }> =>
  new StageRun((s) => {
    const options = { grace, emit }
    const timed = s.eventTime('when', (v) => v.at, { maxDisorder })
    // Behind the window's state, within the same record.
    const windows =
      over.kind === 'session'
        ? timed.window('w', session(over.gap), numbers, options)
        : timed.window('w', fixedOf(over), numbers, options)
    return [
      windows.to('out', sink),
      windows.late.map('number', (v) => v.n).to('late', sink),
      // Behind the window, within the same record.
      timed.map('good', (v, ctx) => (v.bad ? ctx.reject('bad') : v.n)).to('all', sink),
    ]
  })

function fixedOf(over: WindowShape & { kind: 'fixed' | 'sliding' }) {
  if (over.kind === 'sliding') return sliding(over.size)
  const { size, every, offset } = over
  return size === every ? tumbling(size, { offset }) : hopping(size, { every, offset })
}

const shapes: Readonly<Record<string, fc.Arbitrary<WindowShape>>> = {
  tumbling: fc
    .record({ size: fc.integer({ min: 1, max: 12 }), offset: fc.nat(15) })
    .map(({ size, offset }) => ({ kind: 'fixed', size, every: size, offset })),
  hopping: fc
    .record({ size: fc.integer({ min: 2, max: 12 }), part: fc.nat(), offset: fc.nat(15) })
    .map(({ size, part, offset }) => ({ kind: 'fixed', size, every: 1 + (part % size), offset })),
  sliding: fc.integer({ min: 1, max: 12 }).map((size) => ({ kind: 'sliding', size })),
  session: fc.integer({ min: 1, max: 8 }).map((gap) => ({ kind: 'session', gap })),
}

const cases = (over: fc.Arbitrary<WindowShape>): fc.Arbitrary<Case> =>
  fc.record({
    over,
    maxDisorder: fc.nat(15),
    grace: fc.oneof(fc.constant(0), fc.nat(15)),
    emit: fc.constantFrom('final', 'updates'),
    sent: fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'a b', ''),
        at: fc.oneof(fc.integer({ min: -25, max: 25 }), fc.integer({ min: -3, max: 3 })),
        bad: fc.nat(6).map((n) => n === 0),
        cut: fc.constantFrom('no', 'no', 'no', 'deltas', 'compact'),
      }),
      { maxLength: 30 },
    ),
    ends: fc.boolean(),
  })

test.each(Object.keys(shapes))('%s windows against a naive model, with cuts and bad records', (kind) => {
  const over = shapes[kind] ?? fc.constant({ kind: 'sliding', size: 1 })
  fc.assert(
    fc.property(cases(over), (given) => {
      const stage = run(given)
      const model = new WindowModel(given)
      for (const [n, { key, at, bad, cut }] of given.sent.entries()) {
        if (cut !== 'no') stage.cut(cut === 'compact')
        expect(stage.send({ n, key, at, bad }, { key })).toBe(!bad)
        if (!bad) model.send({ n, key, at })
      }
      if (given.ends) {
        stage.end()
        model.close(Infinity)
        expect(stage.states.delta() === null || stage.states.snapshot().length < 60).toBe(true)
      }
      expect(stage.values('late')).toEqual(model.late)
      expect(stage.values('out')).toEqual(given.emit === 'final' ? model.final : model.updates)
      for (const [id, value, key, time] of stage.out) {
        if (id === 'out')
          expect([key, time]).toEqual([(value as { key: string }).key, (value as { end: number }).end - 1])
      }
    }),
    { numRuns: 150 },
  )
})

test.each(Object.keys(shapes))('%s windows: what is on time never depends on its order', (kind) => {
  const over = shapes[kind] ?? fc.constant({ kind: 'sliding', size: 1 })
  const sent = fc.array(fc.record({ at: fc.integer({ min: -25, max: 25 }), delay: fc.nat(8) }), { maxLength: 20 })
  fc.assert(
    fc.property(over, sent, (shape, events) => {
      const results = (order: readonly { n: number; at: number }[]): readonly unknown[] => {
        const stage = run({ over: shape, maxDisorder: 8, grace: 0, emit: 'final', sent: [], ends: true })
        for (const { n, at } of order) stage.send({ n, key: 'k', at, bad: false }, { key: 'k' })
        stage.end()
        expect(stage.values('late')).toEqual([])
        return stage.values('out')
      }
      const numbered = events.map((event, n) => ({ ...event, n }))
      const late = numbered.toSorted((a, b) => a.at + a.delay - (b.at + b.delay))
      expect(results(late)).toEqual(results(numbered.toSorted((a, b) => a.at - b.at)))
    }),
    { numRuns: 100 },
  )
})
