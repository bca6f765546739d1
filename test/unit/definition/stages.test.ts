import { expect, test } from 'vitest'
import { z } from 'zod'
import { blueprintOf } from '../../../src/definition/blueprint-of.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { explain } from '../../../src/definition/explain.js'
import { count } from '../../../src/definition/aggregators/index.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { kafkaSink } from '../../../src/connectors/kafka/sink/kafka-sink.js'
import { kafkaSource } from '../../../src/connectors/kafka/kafka-source.js'
import { memorySource } from '../../../src/testing/memory-source.js'
import { faultsOf, numbers, transactional } from './parts.js'

const by = { key: text(), value: json(z.number()) }
const words = () => kafkaSource({ topic: 'words', value: json(z.number()) })
const last = (n: number): string => String(n % 10)

/** A stream as callers without types have it. */
interface S {
  map(...args: readonly unknown[]): S
  repartition(...args: readonly unknown[]): S
  merge(...args: readonly unknown[]): S
  eventTime(...args: readonly unknown[]): S
  window(...args: readonly unknown[]): S
  asyncMap(...args: readonly unknown[]): S
  to(...args: readonly unknown[]): S
}

test('each repartition begins a stage that is called like it, behind a topic of its own', () => {
  const pipeline = definePipeline({
    name: 'chain',
    sources: { words: words() },
    steps: ({ words: all }) => {
      const halves = all.map('half', (n) => n / 2)
      return [
        halves
          .repartition('by-last', last, by)
          .count('n')
          .repartition('by-n', last, by)
          .to('out', kafkaSink({ topic: 'o' })),
        halves.to('halves', kafkaSink({ topic: 'h' })),
      ]
    },
  })
  const { stages } = explain(pipeline)
  const ids = (nodes: readonly { readonly id: string }[]) => nodes.map(({ id }) => id)
  expect(stages.map((s) => [s.id, ids(s.sources), ids(s.steps), ids(s.sinks)])).toEqual([
    ['main', ['words'], ['half', 'by-last'], ['halves', 'by-last']],
    ['by-last', ['by-last'], ['n', 'by-n'], ['by-n']],
    ['by-n', ['by-n'], [], ['out']],
  ])
  // One transaction and one ledger with the other Kafka sinks of its stage.
  expect(stages[0]?.sinks.map(({ ledger }) => ledger)).toEqual(['kafka:default', 'kafka:default'])
  expect(stages[1]?.sources[0]).toMatchObject({
    kind: 'kafka',
    reads: 'topic tidemark.<namespace>.chain.by-last-repartition',
  })
  expect(stages[0]?.sinks[1]?.target).toBe('topic tidemark.<namespace>.chain.by-last-repartition')
})

test('what begins nothing new is one stage, called main', () => {
  const pipeline = definePipeline({
    name: 'plain',
    sources: { words: words() },
    steps: ({ words: all }) => all.map('same', (n) => n).to('out', transactional()),
  })
  expect(blueprintOf(pipeline).stages.map(({ id }) => id)).toEqual(['main'])
})

/** Two sources of 7 and `met` partitions, and what asks how many the channel between them is to have. */
function counted(met: number | null, asked?: number): Promise<number> {
  const channelled = { kind: 'c', replayable: true, decode: () => 0, bounds: () => 0, open: () => 0 }
  const sink = {
    kind: 'c',
    mode: 'idempotent',
    dedupes: true,
    encode: () => 0,
    open: () => Promise.reject(new Error()),
  } as const
  const source = (partitions: number) =>
    numbers({
      partitions: async () => partitions,
      channel: (spec) => ({ sink, source: { ...channelled, partitions: spec.partitions } as never }),
    })
  const options = asked === undefined ? by : { ...by, partitions: asked }
  const pipeline = definePipeline({
    name: 'counts',
    sources: { all: source(7), met: source(met ?? 1) },
    steps: ({ all, met: other }) => {
      const far = all.repartition('by-last', last, options)
      if (met === null) return [far.to('out', transactional()), other.to('others', transactional())]
      return far.merge('both', other.map('same', (n) => n) as never).to('out', transactional())
    },
  })
  const behind = blueprintOf(pipeline).stages.find(({ id }) => id === 'by-last')
  const context = {
    pipeline: 'counts',
    source: 'by-last',
    signal: new AbortController().signal,
    connection: () => null,
  }
  return behind?.sources.find(({ id }) => id === 'by-last')?.source.partitions(context) ?? Promise.resolve(0)
}

test('partitions are those asked for, else those of the largest topic before it', async () => {
  expect(await counted(null)).toBe(7)
  expect(await counted(null, 3)).toBe(3)
})

test('or as many as the source has that it meets: no other number can be asked for', async () => {
  expect(await counted(5)).toBe(5)
  expect(await counted(5, 5)).toBe(5)
  await expect(counted(5, 3)).rejects.toMatchObject({
    code: 'NotCoPartitioned',
    details: { stage: 'by-last', partitions: { 'by-last': 3, met: 5 } },
  })
})

test('a source is read by each stage that has a step for it', () => {
  const pipeline = definePipeline({
    name: 'met',
    sources: { words: words(), rows: words(), rest: words(), both: words() },
    steps: ({ words: all, rows, rest, both }) => {
      const first = all.merge('first', both)
      const far = rows.map('row', (n) => n).merge('far', first.repartition('by-last', last, by) as never)
      return [far.merge('all', both).to('out', transactional()), rest.to('others', transactional())]
    },
  })
  const { stages } = blueprintOf(pipeline)
  expect(
    stages.map(({ id, sources, steps }) => [id, ...[sources, steps].map((all) => all.map((one) => one.id))]),
  ).toEqual([
    ['main', ['words', 'rest', 'both'], ['first', 'by-last']],
    ['by-last', ['rows', 'both', 'by-last'], ['row', 'far', 'all']],
  ])
})

test('a stage that reads two others comes behind both', () => {
  const pipeline = definePipeline({
    name: 'both',
    sources: { words: words() },
    steps: ({ words: all }) => {
      const far = all.repartition('a', last, by).map('m', (n) => n)
      return far
        .repartition('c', last, by)
        .merge('both', far.repartition('b', last, by).repartition('d', last, by))
        .to('out', kafkaSink({ topic: 'o' }))
    },
  })
  const { stages } = blueprintOf(pipeline)
  expect(stages.map(({ id, sources }) => `${id}: ${sources.map((one) => one.id).join()}`)).toEqual([
    'main: words',
    'a: a',
    'b: b',
    'c: c,d',
  ])
})

test('faults: a source that can’t carry, streams of two stages in one step, wrong options, no event time', () => {
  const faults = (steps: (s: never) => unknown, source: unknown = words()) =>
    faultsOf({ name: 'wrong', sources: { all: source }, steps: ({ all }: { all: never }) => steps(all) })
  expect(faults((s: S) => s.repartition('by', last, by).to('out', transactional()), numbers())).toEqual([
    {
      path: 'steps.by',
      message: 'needs a source whose values can be carried on, as Kafka’s are: this stage reads numbers'.replace(
        '’',
        "'",
      ),
    },
  ])
  const together =
    'is read together with steps it comes from: give the other stream steps of its own, from the source on, or repartition both'
  const merged = (s: S) => {
    const halves = s.map('half', (n: number) => n / 2)
    return halves.merge('both', halves.repartition('by', last, by)).to('out', transactional())
  }
  expect(faults(merged)).toEqual([{ path: 'steps.by', message: together }])
  const round = (s: S) => {
    const first = s.repartition('a', last, by)
    return first.merge('both', first.repartition('b', last, by).repartition('c', last, by)).to('out', transactional())
  }
  expect(faults(round)).toEqual([{ path: 'steps.c', message: together }])
  expect(
    faults((s: S) => s.repartition('by', last, { key: text(), partitions: 0 }).to('out', transactional())),
  ).toEqual([
    { path: 'steps.by.value', message: 'must be a serde, with encode and decode' },
    { path: 'steps.by.partitions', message: 'must be at least 1', got: 0 },
  ])
  const timed = (s: S) => s.repartition('by', last, by).window('w', tumbling('1s'), count()).to('out', transactional())
  expect(faults(timed)).toEqual([
    { path: 'steps.w', message: 'needs event time: call .eventTime(id, timestamp, options) first' },
  ])
  const asked = (s: S) =>
    s
      .eventTime('time', () => 0, { maxDisorder: 0 })
      .repartition('by', last, by)
      .asyncMap('ask', () => Promise.resolve(0))
      .repartition('again', last, by)
      .to('out', transactional())
  expect(faults(asked)).toEqual([
    {
      path: 'steps.again',
      message: expect.stringMatching(/^carries event time on .* asyncMap step 'ask', .*state: { backend }/) as string,
    },
  ])
})

test('memory sources can be carried on', () => {
  const pipeline = definePipeline({
    name: 'memory',
    sources: { all: memorySource([1, 2]) },
    steps: ({ all }) => all.repartition('by-last', last, by).to('out', transactional()),
  })
  expect(blueprintOf(pipeline).stages).toHaveLength(2)
})
