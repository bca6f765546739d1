import { expect, test } from 'vitest'
import { text } from '../../../src/definition/serdes/index.js'
import { compileStage } from '../../../src/steps/compile-stage.js'
import { StepStates } from '../../../src/state/step-states.js'
import { transactional } from '../definition/parts.js'
import { keyedStage, StageRun, type Steps } from './stage-run.js'
import { ctx } from './run-step.js'

const sink = transactional()
const steps: Steps<string | null> = (s) => [
  s
    .keyBy('first', (v) => v?.[0] as string, { key: text(), alreadyPartitioned: true })
    .map('both', (v, c) => `${v}:${c.key}`)
    .to('keys', sink),
  s
    .keyBy('last', (v) => v?.at(-1) as string, { key: text(), alreadyPartitioned: true })
    .count('count')
    .to('n', sink),
  s.map('key', (_, c) => c.key).to('raw', sink),
]

test('steps and sinks behind it see the new key, state is kept by it, others see the old one', () => {
  const run = new StageRun(steps)
  run.send('ab')
  run.cut()
  run.send('cb')
  expect(run.out).toEqual([
    ['keys', 'ab:a', 'a', 0],
    ['n', 1, 'b', 0],
    ['raw', 'k', 'k', 0],
    ['keys', 'cb:c', 'c', 0],
    ['n', 2, 'b', 0],
    ['raw', 'k', 'k', 0],
  ])
})

test('no key makes a bad record', () => {
  const run = new StageRun(steps)
  expect(run.send(null)).toBe(false)
  expect(run.failure).toMatchObject({ details: { step: 'first' } })
})

test('timers and windows give the new key back from its bytes', () => {
  const run = new StageRun<string>((s) =>
    s
      .keyBy('last', (v) => ({ id: v }), {
        key: { encode: (v) => Buffer.from(v.id), decode: (bytes) => ({ id: Buffer.from(bytes).toString() }) },
        alreadyPartitioned: true,
      })
      .stateful('later', {
        init: () => 0,
        onRecord: (_, __, c) => (c.timers.atProcessingTime('t', 5), []),
        onTimer: (_, c) => [c.key],
      })
      .to('out', sink),
  )
  run.send('ü')
  run.cut()
  run.epoch(5)
  expect(run.out).toEqual([['out', { id: 'ü' }, 'ü', 5]])
})

test('keys of another partition are refused where partitions are known', () => {
  const stage = keyedStage(steps)
  const seen: string[] = []
  const push = compileStage(stage, {
    sinks: { keys: () => {}, n: () => {}, raw: () => {} },
    at: new Int32Array(1),
    states: new StepStates(),
    decodeKey: () => null,
    mustBeHere: (key) => {
      seen.push(Buffer.from(key).toString())
      if (seen.length === 2) throw new Error('elsewhere')
    },
  }).pushes['in']
  expect(() => push?.('ab', ctx)).toThrow('elsewhere')
  expect(seen).toEqual(['a', 'b'])
})

test('state beside it is kept by the old key', () => {
  const run = new StageRun<string>((s) => [
    s
      .keyBy('last', (v) => v, { key: text(), alreadyPartitioned: true })
      .count('new')
      .to('by-new', sink),
    s.count('old').to('by-old', sink),
  ])
  for (const value of ['a', 'b', 'a']) run.send(value)
  expect([run.values('by-new'), run.values('by-old')]).toEqual([
    [1, 1, 2],
    [1, 2, 3],
  ])
})
