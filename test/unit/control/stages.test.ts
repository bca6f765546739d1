import { WorkflowNotFoundError } from '@temporalio/client'
import { beforeEach, describe, expect, test } from 'vitest'
import { describePipeline } from '../../../src/control/describe.js'
import { discoverPartitions } from '../../../src/control/discover.js'
import { takeOver } from '../../../src/control/take-over.js'
import type { Channel } from '../../../src/definition/channel.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { BoundsContext, SourceContext } from '../../../src/definition/source.js'
import type { NormalInput } from '../../../src/protocol/pipeline.js'
import { numbers, transactional } from '../definition/parts.js'
import { settings } from '../workflows/states.js'
import { contextOf } from './contexts.js'

const { signal } = new AbortController()
const never = () => Promise.reject(new Error('a start opens nothing'))

let asked: BoundsContext[]
let counted: SourceContext[]
let pipeline: Pipeline

/** What lies between holds 4 records in each partition, the first of which is gone, and as many partitions as it is to have. */
const channel = (partitions: (ctx: SourceContext) => Promise<number>): Channel => ({
  sink: {
    kind: 'log',
    mode: 'transactional',
    encode: ({ value }) => value,
    open: never,
    inspect: () => Promise.resolve(null),
  },
  source: {
    kind: 'log',
    replayable: true,
    internal: true,
    partitions,
    async bounds(ctx) {
      asked.push(ctx)
      return { start: ctx.startAt === 'latest' ? '5' : '1', end: '5' }
    },
    open: never,
    decode: (record) => record.value,
  },
})

beforeEach(() => {
  ;[asked, counted] = [[], []]
  const source = numbers({
    partitions: async (ctx) => (counted.push(ctx), 2),
    bounds: async ({ startAt }) => ({ start: startAt === 'latest' ? '9' : '0', end: '9' }),
    channel: (spec) => channel(spec.partitions),
  })
  pipeline = definePipeline({
    name: 'two',
    sources: { all: source },
    steps: ({ all }) =>
      all
        .repartition('by', (n) => String(n), { key: text(), value: json() })
        .to('out', transactional({ inspect: () => Promise.resolve(null) })),
  })
})

const gone = {
  workflow: {
    getHandle: (id: string) => ({
      terminate: () => Promise.reject(new WorkflowNotFoundError('not found', id, undefined)),
      describe: () => Promise.reject(new WorkflowNotFoundError('not found', id, undefined)),
    }),
  },
}

const begin = async (stage: string, input: Partial<NormalInput>, late = false) => {
  const normal: NormalInput = { until: null, fresh: false, from: null, ...input }
  const request = { pipeline: 'two', stage, partitions: [1], settings, input: normal, late, incarnation: 0 }
  const { tasks } = await takeOver(contextOf([pipeline], gone), request, signal)
  return tasks[0]
}

test('the plan says which stages a stage comes after', async () => {
  const plan = await describePipeline(
    contextOf([pipeline], gone),
    { pipeline: 'two' },
    { workflowId: 'tidemark/two', runId: 'run' },
  )
  expect(plan.stages.map(({ id, after }) => [id, after])).toEqual([
    ['main', undefined],
    ['by', ['main']],
  ])
})

describe('what lies between two stages', () => {
  test('is read from its first record, wherever the first stage begins', async () => {
    expect((await begin('main', { from: 'latest' }))?.origin).toEqual({ all: '9' })
    expect((await begin('by', { from: 'latest' }))?.origin).toEqual({ by: '1' })
    expect(asked[0]).toMatchObject({ source: 'by', partition: 1, namespace: 'unit', startAt: 'earliest' })
  })

  test('is left behind by a fresh start, which writes all of it again', async () => {
    expect((await begin('main', { fresh: true }))?.origin).toEqual({ all: '0' })
    expect((await begin('by', { fresh: true }))?.origin).toEqual({ by: '5' })
    // A task that is found later has missed nothing.
    expect((await begin('by', { fresh: true }, true))?.origin).toEqual({ by: '1' })
  })

  test('has as many partitions as the topic before it, and ends where it ends now', async () => {
    const request = { pipeline: 'two', stage: 'by', count: true, running: [], ends: true }
    expect(await discoverPartitions(contextOf([pipeline]), request, signal)).toMatchObject({
      partitions: 2,
      ends: [{ by: '5' }, { by: '5' }],
    })
    // Each source is asked under its own name.
    expect(counted).toMatchObject([{ pipeline: 'two', source: 'all', namespace: 'unit' }])
    // A bounded run goes by its tasks, whatever has been added to the topic before.
    const { ends } = await discoverPartitions(
      contextOf([pipeline], gone),
      { ...request, count: false, running: [0, 1] },
      signal,
    )
    expect([ends, counted.length]).toEqual([[{ by: '5' }, { by: '5' }], 1])
    const { ends: _, ...plain } = request
    expect(await discoverPartitions(contextOf([pipeline]), plain, signal)).not.toHaveProperty('ends')
  })
})

describe('a stage that reads a source beside what another has written', () => {
  beforeEach(() => {
    const source = numbers({
      partitions: async () => 2,
      bounds: async ({ startAt }) => ({ start: startAt === 'latest' ? '9' : '0', end: '9' }),
      channel: (spec) => channel(spec.partitions),
    })
    pipeline = definePipeline({
      name: 'two',
      sources: { all: source, rows: source },
      steps: ({ all, rows }) =>
        all
          .repartition('by', (n) => String(n), { key: text(), value: json() })
          .merge('both', rows.map('row', (n) => n) as never)
          .to('out', transactional({ inspect: () => Promise.resolve(null) })),
    })
  })

  test('says so in the plan', async () => {
    const plan = await describePipeline(
      contextOf([pipeline], gone),
      { pipeline: 'two' },
      { workflowId: 'tidemark/two', runId: 'run' },
    )
    expect(plan.stages.map(({ id, after, beside }) => [id, after, beside])).toEqual([
      ['main', undefined, undefined],
      ['by', ['main'], true],
    ])
  })

  test('begins in each where it should, and knows where it ends in that source', async () => {
    const state = await begin('by', { from: 'latest', until: 'latest' })
    expect([state?.origin, state?.until]).toEqual([{ rows: '9', by: '1' }, { rows: '9' }])
    expect((await begin('by', { from: 'latest' }))?.until).toBeNull()
  })

  test('is told where it ends in what the other has written, and of nothing else but where it stops as a whole', async () => {
    const input = { pipeline: 'two', stage: 'by', count: false, running: [0], ends: true }
    const { ends } = await discoverPartitions(contextOf([pipeline], gone), input, signal)
    expect(ends).toEqual([{ by: '5' }])
    const whole = await discoverPartitions(contextOf([pipeline], gone), { ...input, whole: true }, signal)
    expect(whole.ends).toEqual([{ by: '5', rows: '9' }])
  })
})
