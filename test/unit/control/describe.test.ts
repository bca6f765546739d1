import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { describePipeline, parseInput } from '../../../src/control/describe.js'
import { blueprintIn, stageIn } from '../../../src/control/worker-context.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { json } from '../../../src/definition/serdes/json.js'
import { text } from '../../../src/definition/serdes/text.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import { memorySource } from '../../../src/testing/memory-source.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'
import { contextOf } from './contexts.js'

let delays: Pipeline

beforeEach(() => {
  delays = definePipeline({
    name: 'delays',
    checkpoint: { interval: '2s' },
    sources: { numbers: new LogSource().source() },
    steps: ({ numbers }) => numbers.map('double', (n) => n * 2).to('out', new BreakableSink('out').sink()),
  })
})

describe('the input of a pipeline', () => {
  test('is a name, and what else was said', () => {
    expect(parseInput({ pipeline: 'delays' })).toEqual({ pipeline: 'delays' })
    const full = {
      pipeline: 'delays',
      until: 'latest',
      fresh: true,
      from: { offsets: { '0': '17', '12': '9007199254740993' } },
      checkpointMs: 100,
      maxHistoryEvents: 40,
    }
    expect(parseInput(full)).toEqual(full)
  })

  test('that is wrong is told with all that is wrong, and an example', () => {
    const parse = (): unknown =>
      parseInput({ pipeline: '', until: 'later', from: { offsets: { x: '1' } }, checkpointMs: 1.5, forget: true })
    expect(parse).toThrow(expect.objectContaining({ code: 'InvalidCommand' }))
    for (const word of ['pipeline:', 'until:', 'from', 'checkpointMs:', 'forget', 'An example: {"pipeline":"NAME"}']) {
      expect(parse).toThrow(word)
    }
    for (const wrong of [null, undefined, 'delays', [], 7]) expect(() => parseInput(wrong)).toThrow('wrong input')
  })

  const forms = "must be 'earliest', 'latest', { timestamp: '2026-01-31T08:00:00Z' or ms } or { offsets: "
  test.each<[from: unknown, says: string]>([
    ['nonsense', `from: ${forms}`],
    [{ offsets: { '0': 5 } }, `from: ${forms}{ partition number: 'decimal offset' } }`],
    [{ offsets: {} }, 'from.offsets: must name at least one partition'],
    [{ offsets: { '0': '-1' } }, 'from.offsets.0: must be a decimal string'],
    [{ offsets: { first: '1' } }, `from: ${forms}`],
    [{ timestamp: 'yesterday' }, 'from.timestamp: must be an ISO time with Z or an offset'],
    [{ timestamp: {} }, `from: ${forms}`],
    [{}, `from: ${forms}`],
  ])('of a wrong place to begin says what may stand there: %j', (from, says) => {
    expect(() => parseInput({ pipeline: 'p', from })).toThrow(says)
  })

  test.each([
    [{ pipeline: 'p', from: 'middle' }],
    [{ pipeline: 'p', from: { timestamp: 'yesterday' } }],
    [{ pipeline: 'p', from: { timestamp: '2026-01-01T10:00:00' } }],
    [{ pipeline: 'p', from: { timestamp: -1 } }],
    [{ pipeline: 'p', from: { offsets: { '0': 17 } } }],
    [{ pipeline: 'p', from: { offsets: { '0': '-1' } } }],
    [{ pipeline: 'p', from: { offsets: {}, timestamp: 1 } }],
    [{ pipeline: 'p', checkpointMs: 99 }],
    [{ pipeline: 'p', checkpointMs: 600_001 }],
    [{ pipeline: 'p', maxHistoryEvents: 39 }],
  ])('refuses %j', (input) => {
    expect(() => parseInput(input)).toThrow(expect.objectContaining({ code: 'InvalidCommand' }))
  })
})

describe('the plan', () => {
  const planOf = (input: unknown, workflowId = 'tidemark/delays') =>
    describePipeline(contextOf([delays]), input, { workflowId, runId: 'run' })

  test('is what the definition says, in words', async () => {
    expect(await planOf({ pipeline: 'delays' })).toMatchObject({
      pipeline: 'delays',
      stages: [
        {
          id: 'main',
          sources: [{ id: 'numbers', kind: 'log', describe: 'log' }],
          steps: [{ id: 'double', kind: 'map' }],
          sinks: [{ id: 'out', kind: 'breakable', describe: 'breakable' }],
        },
      ],
      guarantee: { value: 'exactly-once' },
      settings: { taskQueue: 'tidemark', checkpointMs: 2_000, heartbeatMs: 6_000, idleMs: 60_000 },
      discoveryMs: 30_000,
      searchAttributes: true,
      input: { until: null, fresh: false, from: null },
    })
  })

  test('refuses to go back where several stages would have to go back together', async () => {
    const counts = definePipeline({
      name: 'delays',
      sources: { numbers: memorySource<number>([]) },
      steps: ({ numbers }) =>
        numbers
          .repartition('by-parity', (n) => String(n % 2), { key: text(), value: json(z.number()) })
          .count('counts')
          .to('out', new BreakableSink('out').sink()),
    })
    const rewind = { to: { epoch: 3, generation: null }, stage: null, partition: null }
    const refused = describePipeline(
      contextOf([counts]),
      { pipeline: 'delays', rewind },
      { workflowId: 'tidemark/delays', runId: 'run' },
    )
    await expect(refused).rejects.toMatchObject({
      code: 'InvalidCommand',
      message: expect.stringContaining('several stages'),
    })
  })

  test('follows the input, times as numbers', async () => {
    const { settings, input } = await planOf({
      pipeline: 'delays',
      until: 'latest',
      fresh: true,
      from: { timestamp: '2026-01-01T10:00:00+02:00' },
      checkpointMs: 700,
      maxHistoryEvents: 50,
    })
    expect(settings).toMatchObject({ checkpointMs: 700, maxHistoryEvents: 50 })
    expect(input).toEqual({ until: 'latest', fresh: true, from: { timestamp: Date.UTC(2026, 0, 1, 8) } })
  })

  test('goes into history: it is JSON', async () => {
    const plan = await planOf({ pipeline: 'delays' })
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
  })

  test('is refused under another workflow id: the id keeps a pipeline from running twice', async () => {
    await expect(planOf({ pipeline: 'delays' }, 'mine')).rejects.toThrow(
      "its workflow id has to be 'tidemark/delays', not 'mine'",
    )
  })

  test('of a pipeline that this worker has not names those it has', async () => {
    const other = describePipeline(
      contextOf([delays]),
      { pipeline: 'other' },
      { workflowId: 'tidemark/other', runId: 'run' },
    )
    await expect(other).rejects.toMatchObject({
      code: 'PipelineNotFound',
      details: { pipeline: 'other', known: ['delays'] },
    })
  })

  test('a stage that was renamed is told of', () => {
    const blueprint = blueprintIn(contextOf([delays]), 'delays')
    expect(stageIn(blueprint, 'main').id).toBe('main')
    expect(() => stageIn(blueprint, 'second')).toThrow("has no stage 'second' on this worker, but main")
  })
})
