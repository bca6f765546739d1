import { describe, expect, test } from 'vitest'
import { cell, epochSummary, reportOf, taskDetails } from '../../../workflows/task-details.js'
import { problem, taskState } from './states.js'

const rowsOf = (details: string): Record<string, string> =>
  Object.fromEntries(
    details
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.split(/(?<!\\)\|/).map((part) => part.trim()))
      .map(([, name, value]) => [name ?? '', value ?? '']),
  )

describe('the details of a task', () => {
  test('tell where it stands, in numbers that can be read', () => {
    expect(rowsOf(taskDetails(taskState()))).toEqual({
      '': '',
      state: 'running',
      'next to read': 'flights 1,234,567',
      behind: '1,000 records',
      read: '1,234,567',
      written: '1,000',
      epoch: '7 of generation 2',
      worker: 'host-1',
    })
  })

  test('tell what is wrong, and what to do', () => {
    const details = taskDetails(taskState({ phase: 'parked', problem, session: null, lag: null }))
    expect(details).toMatch(
      /^\*\*StepFailed\*\*: step 'parse' failed: no total\n\nWhat next: correct the step\n\n\| \| \|\n/,
    )
    expect(rowsOf(details)).toMatchObject({ state: 'parked', worker: 'none', behind: '–' })
  })

  test('tell of what there is only', () => {
    const state = taskState({
      phase: 'paused',
      paused: { reason: 'a | b\nc', at: 1 },
      trouble: { ...problem, code: 'SourceUnavailable', message: 'no broker' },
      counters: { read: 1, written: 2, skipped: 3_000, deadLettered: 4, late: 5 },
      blocked: { step: 'crunch', ms: 1_500, epoch: 6 },
    })
    expect(rowsOf(taskDetails(state))).toMatchObject({
      state: 'paused: a \\| b c',
      trouble: 'SourceUnavailable: no broker',
      skipped: '3,000',
      'dead letters': '4',
      'too late': '5',
      'slow step': 'crunch blocked its worker for 1,500 ms',
    })
  })

  test('positions are shown as they are: beyond 2^53, or of a source with its own', () => {
    const at = (position: string) => {
      const { checkpoint } = taskState()
      return rowsOf(taskDetails(taskState({ checkpoint: { ...checkpoint, positions: { flights: position } } })))[
        'next to read'
      ]
    }
    expect(at('12345678901234567891')).toBe('flights 12,345,678,901,234,567,891')
    expect(at('2026-01-01|7')).toBe('flights 2026-01-01\\|7')
    expect(at('0')).toBe('flights 0')
  })
})

test('the summary of an epoch says where it begins, and what the one before has read', () => {
  expect(epochSummary(taskState(), 8, null)).toBe('epoch 8 from 1,234,567')
  expect(epochSummary(taskState(), 8, 0)).toBe('epoch 8 from 1,234,567 · before: 0 records')
  expect(epochSummary(taskState(), 8, 12_345)).toBe('epoch 8 from 1,234,567 · before: 12,345 records')
})

test('a report is what the pipeline needs to know', () => {
  expect(reportOf(taskState({ problem }))).toEqual({
    stage: 'main',
    partition: 3,
    incarnation: 4,
    phase: 'running',
    worker: 'host-1',
    paused: null,
    problem,
    positions: { flights: '1234567' },
    counters: taskState().counters,
  })
  expect(reportOf(taskState({ session: null })).worker).toBeNull()
})

test('no text breaks out of its cell', () => {
  expect(cell('a|b\r\n  c\td')).toBe('a\\|b c d')
})
