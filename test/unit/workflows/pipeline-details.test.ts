import { expect, test } from 'vitest'
import type { PipelineState, TaskEntry } from '../../../src/protocol/pipeline.js'
import { pipelineDetails, pipelineMemo } from '../../../workflows/pipeline-details.js'
import { newPipeline } from '../../../workflows/pipeline-state.js'
import { reportOf } from '../../../workflows/task-details.js'
import { plan, problem, taskState } from './states.js'

const entry = (partition: number, more: Partial<TaskEntry> = {}): TaskEntry => ({
  ...reportOf(taskState({ partition })),
  since: 10,
  ...more,
})

const pipeline = (more: Partial<PipelineState> = {}): PipelineState => ({
  ...newPipeline(plan, 5),
  incarnation: 4,
  phase: 'running',
  tasks: [entry(0), entry(1, { worker: null })],
  ...more,
})

test('says what it is, what it promises, what it does, and where each task stands', () => {
  expect(pipelineDetails(pipeline())).toBe(
    [
      '**delays** is running · exactly-once',
      [
        '| task | state | worker | from | read | written |',
        '|---|---|---|--:|--:|--:|',
        '| main/0 | running | host-1 | 1,234,567 | 1,234,567 | 1,000 |',
        '| main/1 | running | – | 1,234,567 | 1,234,567 | 1,000 |',
      ].join('\n'),
      "Figures are up to half a minute old; each task's own workflow has the newest.",
      'topic flights → late → directory out',
    ].join('\n\n'),
  )
})

test('says what is wrong first, and why it stands', () => {
  const parked = entry(1, { phase: 'parked', problem: { ...problem, message: 'a | b' } })
  const details = pipelineDetails(
    pipeline({ phase: 'paused', paused: { reason: 'night\nshift', at: 1 }, tasks: [entry(0), parked], problem }),
  )
  expect(details).toContain('**delays** is paused: night shift')
  expect(details).toContain("**StepFailed**: step 'parse' failed: no total. What next: correct the step")
  expect(details).toContain('- main/1: **StepFailed** a \\| b. What next: correct the step')
})

test('stays below what a server takes, however many tasks and problems', () => {
  const long = { ...problem, message: 'x'.repeat(500) }
  const tasks = Array.from({ length: 1_000 }, (_, n) => entry(n, { phase: 'parked', problem: long }))
  const details = pipelineDetails(pipeline({ tasks }))
  expect(details).toContain('and 900 more')
  expect(Buffer.byteLength(details)).toBeLessThan(20_000)
})

test('the memo tells status without a worker', () => {
  expect(pipelineMemo(pipeline({ problem }))).toMatchObject({
    phase: 'running',
    pipeline: 'delays',
    stages: ['main'],
    guarantee: { value: 'exactly-once' },
    incarnation: 4,
    tasks: [
      { stage: 'main', partition: 0 },
      { stage: 'main', partition: 1 },
    ],
    paused: null,
    problem,
  })
})
