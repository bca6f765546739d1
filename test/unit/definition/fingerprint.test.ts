import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { canonicalJson } from '../../../src/definition/fingerprint.js'
import { otherwise, type Stream } from '../../../src/definition/stream.js'
import { idempotent, numbers, transactional } from './parts.js'

const sink = transactional()
const base = {
  name: 'base',
  sources: { numbers: numbers() },
  steps: ({ numbers: n }: { readonly numbers: Stream<number> }) => n.map('double', (x) => x * 2).to('out', sink),
}
const of = (more: object): string => blueprintOf(definePipeline({ ...base, ...more })).fingerprint
const steps = (fn: (n: Stream<number>) => unknown): string =>
  of({ steps: ({ numbers: n }: { readonly numbers: Stream<number> }) => fn(n) })
const plain = of({})

/** Receipts in ledgers carry it: a release that changes it makes every crash before the update look like a change of code. */
test('the fingerprint of a plan stays what it was', () => {
  const plan =
    '{"onError":{"kind":"fail"},"stages":[{"id":"main",' +
    '"sinks":[{"id":"out","input":["double","out"],"kind":"table"}],' +
    '"sources":[{"describe":null,"id":"numbers","keyed":false,"kind":"numbers"}],' +
    '"steps":[{"id":"double","inputs":[["numbers","out"]],"kind":"map","ports":["out"],"settings":{}}]}],"version":1}'
  expect(plain).toBe(createHash('sha256').update(plan).digest('hex'))
})

test.each([
  ['name', { name: 'other' }],
  ['commit interval', { commit: { interval: '2s' } }],
  ['checkpoint interval', { checkpoint: { interval: '2s' } }],
  [
    'code of a function',
    { steps: ({ numbers: n }: { numbers: Stream<number> }) => n.map('double', (x) => x + x).to('out', sink) },
  ],
])('does not change with the %s', (_, more) => {
  expect(of(more)).toBe(plain)
})

test('changes with all that decides results', () => {
  const others = {
    'step id': steps((n) => n.map('twice', (x) => x).to('out', sink)),
    'step kind': steps((n) => n.flatMap('double', (x) => [x]).to('out', sink)),
    'one step more': steps((n) =>
      n
        .map('double', (x) => x)
        .filter('f', Boolean)
        .to('out', sink),
    ),
    'sink id': steps((n) => n.map('double', (x) => x).to('result', sink)),
    'sink kind': steps((n) => n.map('double', (x) => x).to('out', transactional({ kind: 'file' }))),
    wiring: steps((n) => [n.map('double', (x) => x).to('out', sink), n.to('raw', sink)]),
    'other wiring': steps((n) => {
      const d = n.map('double', (x) => x)
      return [d.to('out', sink), d.to('raw', sink)]
    }),
    'branch names': steps((n) => n.branch('b', { a: otherwise }).a.to('out', sink)),
    'other branch names': steps((n) => n.branch('b', { z: otherwise }).z.to('out', sink)),
    'source kind': of({ sources: { numbers: numbers({ kind: 'others' }) } }),
    'what the source reads': of({ sources: { numbers: numbers({ describe: 'topic other' }) } }),
    'keyed source': of({ sources: { numbers: numbers({ key: (() => 'k') as never }) } }),
    skip: of({ onError: 'skip' }),
    'dead letters': of({ onError: deadLetter(sink) }),
    'other dead letters': of({ onError: deadLetter(idempotent(true)) }),
  }
  const all = [plain, ...Object.values(others)]
  expect(new Set(all).size).toBe(all.length)
})

test('canonical JSON does not depend on the order of properties, and is JSON', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).toReversed())
      expect(canonicalJson(turned)).toBe(canonicalJson(value))
      // Zero has no sign in JSON.
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})
