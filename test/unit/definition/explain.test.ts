import { expect, test } from 'vitest'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { explain } from '../../../src/definition/explain.js'
import { idempotent, numbers, transactional } from './parts.js'

const atOnce = { 'at-least-once': expect.stringContaining('may write an item again after a failure') }

test('tells each node with what it reads from, and each sink with what it promises', () => {
  const pipeline = definePipeline({
    name: 'explained',
    sources: { numbers: numbers({ describe: 'a list of numbers' }) },
    steps: ({ numbers: n }) => {
      const { even, odd } = n
        .map('double', (value) => value * 2)
        .branch('parity', { even: (value) => value % 4 === 0, odd: (value) => value % 4 !== 0 })
      return [
        even.to('table', transactional({ describe: 'table numbers' })),
        odd.to('calls', idempotent(false)),
        odd.to('files', transactional({ commitsWithCheckpoint: true })),
      ]
    },
    onError: deadLetter(transactional({ commitsWithCheckpoint: true })),
    checkpoint: { interval: '2s', minPause: '3s' },
  })
  const plan = explain(pipeline)
  expect(plan).toMatchObject({ pipeline: 'explained', checkpointMs: 2_000, onError: 'deadLetter' })
  expect(plan.guardRails).toEqual({ timeoutMs: 600_000, minPauseMs: 3_000, tolerableFailures: null })
  expect(plan.guarantee).toEqual({ value: 'at-least-once', because: expect.stringContaining("sink 'calls'") })
  const [stage] = plan.stages
  expect(stage?.sources).toEqual([{ id: 'numbers', kind: 'numbers', reads: 'a list of numbers' }])
  expect(stage?.steps).toEqual([
    { id: 'double', kind: 'map', from: ['numbers'] },
    { id: 'parity', kind: 'branch', from: ['double'] },
  ])
  expect(
    stage?.sinks.map(({ id, from, guarantee, ledger, commitMs }) => [id, from, guarantee.value, ledger, commitMs]),
  ).toEqual([
    ['table', ['parity.even'], 'exactly-once', 'table', 1_000],
    ['calls', ['parity.odd'], 'at-least-once', null, null],
    ['files', ['parity.odd'], 'exactly-once', 'files', null],
    ['dead-letters', [], 'exactly-once', 'dead-letters', null],
  ])
  expect(stage?.sinks[1]?.guarantee.because).toEqual(atOnce['at-least-once'])
})

test('sinks of one scope have one ledger, and one clock', () => {
  const pipeline = definePipeline({
    name: 'shared',
    sources: { numbers: numbers() },
    steps: ({ numbers: n }) => [
      n.to('a', transactional({ scope: 'cluster' })),
      n.to('b', transactional({ scope: 'cluster', commitsWithCheckpoint: true })),
    ],
  })
  expect(explain(pipeline).stages[0]?.sinks.map(({ ledger, commitMs }) => [ledger, commitMs])).toEqual([
    ['cluster', 1_000],
    ['cluster', 1_000],
  ])
})

test('no sink promises more than its source allows', () => {
  const pipeline = definePipeline({
    name: 'live',
    sources: { numbers: numbers({ replayable: false }) },
    steps: ({ numbers: n }) => n.to('table', transactional()),
  })
  expect(explain(pipeline).stages[0]?.sinks[0]?.guarantee).toEqual({
    value: 'at-least-once',
    because: "source 'numbers' (numbers) cannot be read again from an earlier position",
  })
})

test('a step that is waited for has a promise of its own, and a sink without a ledger may get two results', () => {
  const pipeline = definePipeline({
    name: 'asking',
    sources: { numbers: numbers() },
    steps: ({ numbers: n }) => {
      const asked = n.asyncMap('score', async (value) => value).map('plain', (value) => value)
      return [asked.to('table', transactional()), asked.to('calls', idempotent(true))]
    },
  })
  const [stage] = explain(pipeline).stages
  expect(stage?.steps).toEqual([
    {
      id: 'score',
      kind: 'asyncMap',
      from: ['numbers'],
      guarantee: { value: 'at-least-once', because: expect.stringContaining('ctx.idempotencyKey') },
    },
    { id: 'plain', kind: 'map', from: ['score'] },
  ])
  expect(stage?.sinks.map(({ guarantee }) => guarantee.value)).toEqual(['exactly-once', 'once-per-id'])
  expect(stage?.sinks.map(({ guarantee }) => guarantee.because.includes('another value'))).toEqual([false, true])
})

test('what is no pipeline is told so', () => {
  expect(() => explain({ name: 'x' } as never)).toThrow('make it with definePipeline')
})
