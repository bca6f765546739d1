import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Stage } from '../../../src/definition/graph.js'
import { type End, otherwise, type Stream } from '../../../src/definition/stream.js'
import { StepStates } from '../../../src/state/step-states.js'
import { compileStage, type StageRuntime } from '../../../src/steps/compile-stage.js'
import type { Push } from '../../../src/steps/step.js'
import { numbers, transactional } from '../definition/parts.js'
import { ctx } from './run-step.js'

const stateless = (): Pick<StageRuntime, 'states' | 'decodeKey'> => ({
  states: new StepStates(),
  decodeKey: () => null,
})

const sink = transactional()

function stageOf(steps: (n: Stream<number>) => End<string, unknown> | readonly End<string, unknown>[]): Stage {
  const pipeline = definePipeline({ name: 'p', sources: { n: numbers() }, steps: ({ n }) => steps(n) })
  const [stage] = blueprintOf(pipeline).stages
  if (stage === undefined) throw new Error('no stage')
  return stage
}

/** What arrives at which sink, in order, when `values` go in; and where the stage was. */
function compiled(stage: Stage) {
  const out: [sink: string, value: unknown][] = []
  const at = new Int32Array(1)
  const sinks = Object.fromEntries(stage.sinks.map(({ id }): [string, Push] => [id, (value) => out.push([id, value])]))
  const { n: push } = compileStage(stage, { sinks, at, ...stateless() }).pushes
  if (push === undefined) throw new Error('no source n')
  return { out, at, push }
}

function run(steps: Parameters<typeof stageOf>[0], values: readonly unknown[]) {
  const { out, push } = compiled(stageOf(steps))
  for (const value of values) push(value, ctx)
  return out
}

test('a chain', () => {
  const steps = (n: Stream<number>) =>
    n
      .filter('odd', (x) => x % 2 === 1)
      .map('tens', (x) => x * 10)
      .flatMap('twice', (x) => [x, x + 1])
      .to('out', sink)
  expect(run(steps, [1, 2, 3])).toEqual([10, 11, 30, 31].map((value) => ['out', value]))
})

test('a source that ends at once', () => {
  expect(run((n) => n.to('out', sink), [1, 2])).toEqual([
    ['out', 1],
    ['out', 2],
  ])
})

test('several readers of one stream: steps before sinks, each in definition order, one value after the other', () => {
  const steps = (n: Stream<number>) => [
    n.to('raw', sink),
    n.map('a', (x) => `a${x}`).to('as', sink),
    n.map('b', (x) => `b${x}`).to('bs', sink),
    n.to('again', sink),
  ]
  expect(run(steps, [1, 2])).toEqual(
    [1, 2].flatMap((x) => [
      ['as', `a${x}`],
      ['bs', `b${x}`],
      ['raw', x],
      ['again', x],
    ]),
  )
})

test('two readers of one stream', () => {
  const steps = (n: Stream<number>) => [n.map('a', (x) => -x).to('as', sink), n.to('raw', sink)]
  expect(run(steps, [1])).toEqual([
    ['as', -1],
    ['raw', 1],
  ])
})

test('branches that are merged again keep the order of the records', () => {
  const steps = (n: Stream<number>) => {
    const { odd, even } = n.branch('parity', { odd: (x) => x % 2 === 1, even: otherwise })
    return odd
      .map('negated', (x) => -x)
      .merge('all', even)
      .to('out', sink)
  }
  expect(run(steps, [1, 2, 3, 4]).map(([, value]) => value)).toEqual([-1, 2, -3, 4])
})

test('a stream merged with itself comes twice', () => {
  expect(run((n) => n.merge('both', n).to('out', sink), [1])).toEqual([
    ['out', 1],
    ['out', 1],
  ])
})

test('the place is the index in stage.steps of the step that threw', () => {
  const stage = stageOf((n) =>
    n
      .map('first', (x) => x)
      .filter('second', (x, c) => x > 1 || c.reject('small'))
      .map('third', (x) => x)
      .to('out', sink),
  )
  const { at, push } = compiled(stage)
  expect(() => push(1, ctx)).toThrow('rejected: small')
  expect(stage.steps[at[0] ?? -1]?.id).toBe('second')
  push(2, ctx)
  expect(stage.steps[at[0] ?? -1]?.id).toBe('third')
})

test('one context goes all the way', () => {
  const seen = new Set<unknown>()
  const stage = stageOf((n) =>
    n
      .map('a', (x, c) => (seen.add(c), x))
      .branch('b', { all: (_, c) => seen.add(c).size > 0 })
      .all.to('out', sink),
  )
  const sinks = { out: (_: unknown, c: unknown) => void seen.add(c) }
  compileStage(stage, { sinks, at: new Int32Array(1), ...stateless() }).pushes['n']?.(1, ctx)
  expect([...seen]).toEqual([ctx])
})

test('two sessions of one stage share nothing', () => {
  const stage = stageOf((n) => n.map('a', (x) => x).to('out', sink))
  const [one, two] = [compiled(stage), compiled(stage)]
  one.push(1, ctx)
  expect(two.out).toEqual([])
})

test('a sink that nothing was given for is an error at once', () => {
  const stage = stageOf((n) => n.to('constructor', sink))
  expect(() => compileStage(stage, { sinks: {}, at: new Int32Array(1), ...stateless() })).toThrow("sink 'constructor'")
})

/** Random trees of maps and filters against the same functions, applied by hand. */
test('any tree of steps gives each sink what its path makes of the values', () => {
  type Op = { readonly kind: 'map' | 'filter' | 'twice'; readonly by: number; readonly parent: number }
  const ops = fc.array(
    fc.record({
      kind: fc.constantFrom('map', 'filter', 'twice'),
      by: fc.integer({ min: 2, max: 5 }),
      parent: fc.nat(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  fc.assert(
    fc.property(ops, fc.array(fc.nat(100)), (tree: readonly Op[], values) => {
      const expected = [[...values]]
      const stage = stageOf((n) => {
        const streams = [n]
        for (const [index, { kind, by, parent }] of tree.entries()) {
          const from = parent % streams.length
          const stream = streams[from] ?? n
          const before = expected[from] ?? []
          if (kind === 'map') {
            streams.push(stream.map(`s${index}`, (x) => x + by))
            expected.push(before.map((x) => x + by))
          } else if (kind === 'filter') {
            streams.push(stream.filter(`s${index}`, (x) => x % by > 0))
            expected.push(before.filter((x) => x % by > 0))
          } else {
            streams.push(stream.flatMap(`s${index}`, (x) => [x, by]))
            expected.push(before.flatMap((x) => [x, by]))
          }
        }
        return streams.map((stream, index) => stream.to(`out${index}`, sink))
      })
      const { out, push } = compiled(stage)
      for (const value of values) push(value, ctx)
      for (const [index, wanted] of expected.entries()) {
        expect(out.filter(([id]) => id === `out${index}`).map(([, value]) => value)).toEqual(wanted)
      }
    }),
  )
})
