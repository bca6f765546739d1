import { expect, test } from 'vitest'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { deadLetter } from '../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { sinkDefinitionOf } from '../../../src/definition/define-sink.js'
import { sourceDefinitionOf } from '../../../src/definition/define-source.js'
import { otherwise } from '../../../src/definition/stream.js'
import { numbers, transactional } from './parts.js'

const source = numbers()
const sink = transactional()

const parity = definePipeline({
  name: 'parity',
  sources: { numbers: source },
  steps: ({ numbers: n }) => {
    const { odd, rest } = n
      .filter('positive', (x) => x > 0)
      .branch('by-parity', { odd: (x) => x % 2 === 1, rest: otherwise })
    const all = odd.map('tens', (x) => x * 10).merge('all', rest, n)
    return [all.flatMap('twice', (x) => [x, x]).to('out', sink), rest.to('even', sink)]
  },
})

test('steps become a graph, in definition order', () => {
  const { stages } = blueprintOf(parity)
  expect(stages).toHaveLength(1)
  expect(stages[0]?.id).toBe('main')
  expect(stages[0]?.sources).toEqual([{ id: 'numbers', source: sourceDefinitionOf(source) }])
  expect(
    stages[0]?.steps.map(({ id, inputs, step }) => [id, step.kind, inputs.map((ref) => `${ref.node}:${ref.port}`)]),
  ).toEqual([
    ['positive', 'filter', ['numbers:out']],
    ['by-parity', 'branch', ['positive:out']],
    ['tens', 'map', ['by-parity:odd']],
    ['all', 'merge', ['tens:out', 'by-parity:rest', 'numbers:out']],
    ['twice', 'flatMap', ['all:out']],
  ])
  expect(stages[0]?.sinks).toEqual([
    { id: 'out', input: { node: 'twice', port: 'out' }, sink: sinkDefinitionOf(sink) },
    { id: 'even', input: { node: 'by-parity', port: 'rest' }, sink: sinkDefinitionOf(sink) },
  ])
})

test('what is not said has its default', () => {
  expect(blueprintOf(parity)).toMatchObject({
    name: 'parity',
    onError: { kind: 'fail' },
    commitMs: null,
    checkpointMs: 5_000,
    guardRails: { timeoutMs: 600_000, minPauseMs: 0, tolerableFailures: null },
    backend: null,
    store: null,
    inlineBytes: 131_072,
  })
})

test('what is said is kept, in milliseconds', () => {
  const pipeline = definePipeline({
    name: 'given',
    sources: { numbers: source },
    commit: { interval: '50ms' },
    checkpoint: { interval: '10 minutes', timeout: '1 hour', minPause: '5s', tolerableFailures: 0 },
    onError: 'skip',
    steps: ({ numbers: n }) => n.to('out', sink),
  })
  expect(blueprintOf(pipeline)).toMatchObject({
    commitMs: 50,
    checkpointMs: 600_000,
    guardRails: { timeoutMs: 3_600_000, minPauseMs: 5_000, tolerableFailures: 0 },
    onError: { kind: 'skip' },
  })
})

test('dead letters have their sink, their reserved id, and take all failures unless told otherwise', () => {
  const failure = {
    code: 'StepFailed',
    step: 's',
    error: new Error(),
    origin: { source: 'n', partition: 0, position: '1' },
  }
  const onErrorOf = (policy: ReturnType<typeof deadLetter>) =>
    blueprintOf(
      definePipeline({ name: 'd', sources: { n: source }, onError: policy, steps: ({ n }) => n.to('out', sink) }),
    ).onError
  const all = onErrorOf(deadLetter(sink))
  const some = onErrorOf(deadLetter(sink, { when: ({ code }) => code !== 'StepFailed' }))
  if (all.kind !== 'deadLetter' || some.kind !== 'deadLetter') throw new Error('no dead letters')
  expect(all.id).toBe('dead-letters')
  expect(all.sink).toBe(sinkDefinitionOf(sink))
  expect(all.when(failure)).toBe(true)
  expect(some.when(failure)).toBe(false)
})

test('nothing of a blueprint can be changed', () => {
  const blueprint = blueprintOf(parity)
  const stage = blueprint.stages[0]
  for (const part of [
    parity,
    blueprint,
    blueprint.stages,
    stage,
    stage?.steps,
    stage?.steps[0],
    stage?.steps[0]?.inputs,
    stage?.steps[0]?.inputs[0],
    stage?.sinks[0],
    blueprint.guarantee,
  ]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
})

test('steps run once, at definition, and open nothing', () => {
  let runs = 0
  definePipeline({
    name: 'once',
    sources: { numbers: source },
    steps: ({ numbers: n }) => {
      runs += 1
      return n.to('out', sink)
    },
  })
  expect(runs).toBe(1)
})

test('another copy of the package finds pipelines, sources and sinks', () => {
  const at = (key: string, value: object): unknown => (value as Record<symbol, unknown>)[Symbol.for(key)]
  expect(at('tidemark.blueprint', parity)).toBe(blueprintOf(parity))
  expect(at('tidemark.source', source)).toBe(sourceDefinitionOf(source))
  expect(at('tidemark.sink', sink)).toBe(sinkDefinitionOf(sink))
})
