import { expect, test } from 'vitest'
import { aggregate, collect, combine, count, sum } from '../../../src/definition/aggregators/index.js'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { text } from '../../../src/definition/serdes/index.js'
import type { Stream } from '../../../src/definition/stream.js'
import type { EventTime } from '../../../src/definition/marks.js'
import { hopping, session, sliding, tumbling } from '../../../src/definition/windows.js'
import type { StateBackend } from '../../../src/definition/state-backend.js'
import { memorySegments } from '../../../src/testing/memory-segments.js'
import { checkDeterminism } from '../../../src/definition/check-determinism.js'
import type { Graph } from '../../../src/definition/graph.js'
import { eventTimeStep } from '../../../src/steps/event-time.js'
import { mapStep } from '../../../src/steps/map.js'
import { faultsOf, numbers, transactional } from './parts.js'
import { keyedSource } from '../steps/stage-run.js'

/** Types are forgotten: these are what callers without them may write. */
type Loose = Readonly<Record<string, (...args: readonly unknown[]) => Loose>>
const sink = transactional()
const wrong = (steps: (s: Loose) => unknown, source: unknown = keyedSource<number>()) =>
  faultsOf({ name: 'p', sources: { s: source }, steps: ({ s }: { s: Loose }) => steps(s) })
const method = (s: Loose, name: string, ...args: readonly unknown[]): Loose => s[name]?.(...args) ?? s
const timed = (s: Loose) => method(s, 'eventTime', 't', (v: unknown) => v, { maxDisorder: 0 })
const window = (...args: readonly unknown[]) =>
  wrong((s) => method(method(timed(s), 'window', 'w', ...args), 'to', 'out', sink))
const step = (name: string, ...args: readonly unknown[]) =>
  wrong((s) => method(method(s, name, 'x', ...args), 'to', 'out', sink))
const loose: (parts: unknown) => unknown = combine
const noMerge = aggregate({ init: () => 0, add: (n) => n, result: (n) => n })
const stateful = { init: () => 0, onRecord: () => [] }

const cases: readonly (readonly [title: string, faults: ReturnType<typeof wrong>, path: string, message: RegExp])[] = [
  ['eventTime without a function', step('eventTime', 'at', { maxDisorder: 0 }), 'steps.x', /needs a function/],
  ['eventTime without options', step('eventTime', () => 0), 'steps.x', /object with maxDisorder/],
  ['bad disorder', step('eventTime', () => 0, { maxDisorder: 'five' }), 'steps.x.maxDisorder', /no duration/],
  ['idle at once', step('eventTime', () => 0, { maxDisorder: 1, idleAfter: 0 }), 'steps.x.idleAfter', /at least 1 ms/],
  ['unknown option', step('eventTime', () => 0, { maxDisorder: 1, idle: 1 }), 'steps.x.idle', /not an option/],
  ['dedupe without by', step('dedupe', { within: 1 }), 'steps.x.by', /function/],
  ['dedupe for no time', step('dedupe', { by: () => '', within: 0 }), 'steps.x.within', /at least 1 ms/],
  ['keyBy without its promise', step('keyBy', () => 0, { key: text() }), 'steps.x.alreadyPartitioned', /must be true/],
  [
    'keyBy without a serde',
    step('keyBy', () => 0, { key: { decode: () => 0 }, alreadyPartitioned: true }),
    'steps.x.key.encode',
    /func/,
  ],
  ['bad ttl', step('count', { ttl: 0 }), 'steps.x.ttl', /at least 1 ms/],
  ['bad version', step('count', { version: 1.5 }), 'steps.x.version', /whole number/],
  ['version 0', step('count', { version: 0 }), 'steps.x.version', /at least 1/],
  ['migrate that is no function', step('count', { migrate: {} }), 'steps.x.migrate', /function/],
  ['a serde where there is none', step('count', { serde: text() }), 'steps.x.serde', /not an option/],
  ['reduce without a function', step('reduce', 1), 'steps.x', /needs a function/],
  ['aggregate without an aggregator', step('aggregate', count), 'steps.x', /needs an aggregator/],
  ['sum of nothing', step('aggregate', sum(undefined as never)), 'steps.x.aggregator', /needs a function/],
  ['bad limit', step('aggregate', collect({ limit: 0.5 })), 'steps.x.aggregator.limit', /whole number/],
  [
    'a bad part',
    step('aggregate', combine({ many: collect({ limit: 0 }) })),
    'steps.x.aggregator.many.limit',
    /whole number/,
  ],
  ['a part without merge', step('aggregate', loose({ n: noMerge })), 'steps.x.aggregator.n', /needs merge/],
  ['a part that is none', step('aggregate', loose({ n: null })), 'steps.x.aggregator.n', /no aggregator/],
  ['no parts', step('aggregate', combine({})), 'steps.x.aggregator', /combines nothing/],
  ['stateful without functions', step('stateful', { init: () => 0 }), 'steps.x.onRecord', /function/],
  ['stateful of nothing', step('stateful'), 'steps.x', /must be an object/],
  ['bad state', step('stateful', { ...stateful, state: { ttl: 'x' } }), 'steps.x.state.ttl', /no duration/],
  ['bad serde', step('stateful', { ...stateful, state: { serde: {} } }), 'steps.x.state.serde', /a serde/],
  ['no window', window('1h', count()), 'steps.w', /needs tumbling/],
  ['no aggregator', window(tumbling(1), undefined), 'steps.w', /needs an aggregator/],
  ['bad size', window(tumbling('five' as never), count()), 'steps.w.size', /no duration/],
  ['no size', window(sliding(0), count()), 'steps.w.size', /at least 1 ms/],
  ['size in parts of ms', window(tumbling(1.5), count()), 'steps.w.size', /whole milliseconds/],
  ['hopping without every', window(hopping(1, {} as never), count()), 'steps.w.every', /no duration/],
  ['hopping over gaps', window(hopping(1, { every: 2 }), count()), 'steps.w.every', /at most the size/],
  ['bad offset', window(tumbling(1, { offset: -1 }), count()), 'steps.w.offset', /no duration/],
  ['bad gap', window(session('1 hour'), count(), { grace: 'x' }), 'steps.w.grace', /no duration/],
  ['no gap', window(session(0), count()), 'steps.w.gap', /at least 1 ms/],
  ['session without merge', window(session(1), noMerge), 'steps.w.aggregator', /needs merge/],
  ['bad emit', window(tumbling(1), count(), { emit: 'all' }), 'steps.w.emit', /'final' or 'updates'/],
  ['ttl of windows', window(tumbling(1), count(), { state: { ttl: 1 } }), 'steps.w.state.ttl', /not an option/],
  [
    'window without event time',
    wrong((s) => s['window']?.('w', tumbling(1), count())['to']?.('out', sink)),
    'steps.w',
    /needs event time/,
  ],
  ...(['count', 'aggregate', 'stateful'] as const).map(
    (name) =>
      [
        `${name} without a key`,
        wrong(
          (s) => s[name]?.('x', name === 'stateful' ? stateful : name === 'count' ? {} : count())['to']?.('o', sink),
          numbers(),
        ),
        'steps.x',
        /needs a key/,
      ] as const,
  ),
]

test.each(cases)('%s', (_, faults, path, message) => {
  expect(faults).toEqual([expect.objectContaining({ path, message: expect.stringMatching(message) as string })])
})

test('all at once', () => {
  const faults = wrong((s) => s['window']?.('w', tumbling(0), null, { grace: -1 })['to']?.('out', sink), numbers())
  expect(faults.map(({ path }) => path)).toEqual(['steps.w', 'steps.w', 'steps.w.size', 'steps.w.grace', 'steps.w'])
})

const fingerprint = <T>(steps: (s: Stream<number, string, EventTime>) => Stream<T, string, EventTime>): string =>
  blueprintOf(
    definePipeline({
      name: 'p',
      sources: { s: keyedSource<number>() },
      steps: ({ s }) => steps(s.eventTime('t', (v) => v, { maxDisorder: 1 })).to('out', sink),
    }),
  ).fingerprint

test('late values that nobody uses are no fault, results are', () => {
  expect(() => fingerprint((s) => s.window('w', tumbling(1), count()))).not.toThrow()
  expect(() => fingerprint((s) => s.window('w', tumbling(1), count()).late)).toThrow('neither used further')
})

test('what changes results changes the fingerprint, and how it is written does not', () => {
  const all = [
    fingerprint((s) => s.window('w', tumbling(60_000), count())),
    fingerprint((s) => s.window('w', tumbling(60_000), count(), { grace: 1 })),
    fingerprint((s) => s.window('w', tumbling(60_000), count(), { emit: 'updates' })),
    fingerprint((s) => s.window('w', tumbling(60_000, { offset: 1 }), count())),
    fingerprint((s) => s.window('w', hopping(60_000, { every: 1 }), count())),
    fingerprint((s) => s.window('w', sliding(60_000), count())),
    fingerprint((s) => s.window('w', session(60_000), count())),
    fingerprint((s) => s.window('w', tumbling(60_000), combine({ n: count() }))),
    fingerprint((s) => s.window('w', tumbling(60_000), combine({ m: count() }))),
    fingerprint((s) => s.window('w', tumbling(60_000), combine({ m: sum((v) => v) }))),
    fingerprint((s) => s.window('w', tumbling(60_000), collect())),
    fingerprint((s) => s.window('w', tumbling(60_000), collect({ limit: 1 }))),
    fingerprint((s) => s.aggregate('w', count())),
    fingerprint((s) => s.count('w')),
    fingerprint((s) => s.count('w', { ttl: 1 })),
    fingerprint((s) => s.count('w', { version: 2 })),
    fingerprint((s) => s.window('w', tumbling(60_000), count(), { state: { version: 2 } })),
    fingerprint((s) => s.dedupe('w', { by: String, within: 1 })),
    fingerprint((s) => s.dedupe('w', { by: String, within: 2 })),
    fingerprint((s) => s.stateful('w', stateful)),
    fingerprint((s) => s.eventTime('w', (v) => v, { maxDisorder: 1 })),
    fingerprint((s) => s.eventTime('w', (v) => v, { maxDisorder: 2 })),
    fingerprint((s) => s.eventTime('w', (v) => v, { maxDisorder: 2, idleAfter: 3 })),
  ]
  expect(new Set(all).size).toBe(all.length)
  expect(all).toContain(fingerprint((s) => s.count('w', { version: 1 })))
  expect(
    fingerprint((s) => s.window('w', tumbling('1m', { offset: '1m' }), count(), { grace: '0s', emit: 'final' })),
  ).toBe(all[0])
})

test('state and a step whose results may differ are in one stage where these are kept', () => {
  const node = { inputs: [], id: 'a' }
  const other = { ...mapStep(String), kind: 'asyncMap', deterministic: false }
  const clock = { ...node, id: 'b', step: eventTimeStep(Number, { maxDisorderMs: 0, idleAfterMs: null }) }
  const faults = (steps: Graph['steps'], backend: StateBackend | null = null) =>
    checkDeterminism({ sources: [], steps, sinks: [] }, { backend })
  const both = [{ ...node, step: other }, clock]
  expect(faults(both)).toEqual([
    {
      path: 'steps.b',
      message: expect.stringMatching(/^keeps state.*asyncMap step 'a'.*state: { backend }/) as string,
    },
  ])
  expect(faults(both, memorySegments())).toEqual([])
  expect(faults([{ ...node, step: other }])).toEqual([])
  expect(faults([{ ...node, step: mapStep(String) }, clock])).toEqual([])
})
