import type { LogEntry } from '@temporalio/worker'
import { expect, test } from 'vitest'
import { tellEntry } from '../../../src/cli/worker-log.js'
import { captured } from './captured.js'

function told(entry: Partial<LogEntry>, verbose = false): string {
  const terminal = captured()
  const at = { level: 'WARN', message: 'Activity failed', timestampNanos: 1_769_846_400_000_000_000n } as const
  tellEntry({ ...at, ...entry }, terminal, verbose)
  return terminal.text.err
}

test('one line with what a person needs', () => {
  const meta = {
    error: new Error('no topic'),
    activityType: 'tidemark.claim',
    workflowId: 'tidemark/a',
    taskToken: 'x',
  }
  expect(told({ meta })).toBe(
    '2026-01-31T08:00:00.000Z WARN Activity failed: no topic activityType=tidemark.claim workflowId=tidemark/a\n',
  )
})

test('everything where it is asked for', () => {
  const text = told({ meta: { error: new Error('no topic'), taskToken: 'x' } }, true)
  expect(text).toContain('taskToken=x')
  expect(text).toContain('worker-log.test.ts')
})

test("what the SDK's core says keeps its details", () => {
  const meta = { sdkComponent: 'core', failure: 'Nondeterminism' }
  expect(told({ message: 'Failing workflow task', meta })).toContain('failure=Nondeterminism')
})

test('a worker that runs no workflows by design is not warned of', () => {
  expect(told({ message: 'No workflows registered, not polling for workflow tasks' })).toBe('')
})
