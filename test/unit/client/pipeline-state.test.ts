import { expect, test } from 'vitest'
import { hasEnded, pipelineStateOf } from '../../../src/client/pipeline-state.js'
import type { PipelineMemo } from '../../../src/protocol/messages.js'

const memo = (phase: PipelineMemo['phase']): PipelineMemo => ({
  phase,
  pipeline: 'delays',
  stages: ['main'],
  guarantee: { value: 'exactly-once', because: '' },
  incarnation: 1,
  tasks: [],
  paused: null,
  problem: null,
})

test.each([
  ['COMPLETED', 'draining', 'completed'],
  ['FAILED', 'running', 'failed'],
  ['TIMED_OUT', 'running', 'failed'],
  ['CANCELLED', 'cancelled', 'cancelled'],
  ['TERMINATED', 'running', 'terminated'],
  ['RUNNING', 'paused', 'paused'],
  ['RUNNING', 'draining', 'draining'],
] as const)('a %s run that said %s of itself is %s', (status, phase, state) => {
  expect(pipelineStateOf(status, memo(phase))).toBe(state)
})

test('a run that no worker has planned is starting', () => {
  expect(pipelineStateOf('RUNNING', null)).toBe('starting')
})

test('a cancelled run whose tasks still end is cancelling, and has not ended', () => {
  const state = pipelineStateOf('RUNNING', memo('cancelled'))
  expect(state).toBe('cancelling')
  expect(hasEnded(state)).toBe(false)
  expect(hasEnded('terminated')).toBe(true)
})
