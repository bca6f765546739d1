import picocolors from 'picocolors'
import { expect, test } from 'vitest'
import { listView } from '../../../../src/cli/views/list-view.js'
import { statusView } from '../../../../src/cli/views/status-view.js'
import type { PipelineStatus, TaskStatus } from '../../../../src/client/status.js'

const now = Date.UTC(2026, 0, 31, 8)
const plain = picocolors.createColors(false)

const task = (partition: number, of: Partial<TaskStatus> = {}): TaskStatus => ({
  stage: 'main',
  partition,
  workflowId: `tidemark/delays/main/${partition}`,
  state: 'running',
  generation: 1,
  epoch: 42,
  positions: { flights: '86656' },
  watermark: null,
  recordedAt: now - 3_000,
  lag: 12,
  counters: { read: 1_000, written: 100, skipped: 0, deadLettered: 0 },
  worker: '1@a',
  activity: null,
  waiting: null,
  paused: null,
  problem: null,
  ...of,
})

const pipeline = (of: Partial<PipelineStatus> = {}): PipelineStatus => ({
  name: 'delays',
  workflowId: 'tidemark/delays',
  runId: 'run',
  taskQueue: 'tidemark',
  state: 'running',
  guarantee: { value: 'exactly-once', because: '' },
  incarnation: 2,
  startedAt: now - 180_000,
  endedAt: null,
  paused: null,
  problem: null,
  waiting: null,
  lag: 24,
  counters: { read: 2_000, written: 200, skipped: 0, deadLettered: 0 },
  workers: ['1@a'],
  tasks: [task(0), task(1)],
  ...of,
})

const view = (of: Partial<PipelineStatus> = {}): string => statusView(pipeline(of), plain, now)

test('a pipeline that runs', () => {
  expect(view()).toBe(
    [
      'delays  running · exactly-once · 24 behind',
      '2,000 read · 200 written · 2 tasks · start 2 · run began 3 min ago',
      '',
      'TASK    STATE    NEXT TO READ  BEHIND   READ  WRITTEN  CHECKPOINT         WORKER',
      'main/0  running        86,656      12  1,000      100  epoch 42, 3 s ago  1@a',
      'main/1  running        86,656      12  1,000      100  epoch 42, 3 s ago  1@a',
    ].join('\n'),
  )
})

test('a problem stands above the table, with what to do', () => {
  const problem = { code: 'StepFailed', message: "step 'late' failed", next: 'correct the step' }
  expect(view({ tasks: [task(0, { state: 'parked', problem })] })).toContain(
    "\n\nmain/0 StepFailed: step 'late' failed\n  next: correct the step\n\nTASK",
  )
})

test('a failed pipeline whose tasks say why does not say it twice', () => {
  const problem = { code: 'StepFailed', message: "step 'late' failed", next: 'correct the step' }
  const failed = { code: 'StepFailed', message: `pipeline delays failed: main/0: ${problem.message}`, next: '' }
  const text = view({ state: 'failed', problem: failed, endedAt: now, tasks: [task(0, { state: 'failed', problem })] })
  expect(text.split("step 'late' failed")).toHaveLength(2)
  const other = { code: 'PipelineNotFound', message: "there is no pipeline 'delays'", next: 'list' }
  expect(view({ state: 'failed', problem: other, endedAt: now, tasks: [] })).toContain('PipelineNotFound: there is no')
})

test('what several tasks have in common is said once', () => {
  const paused = { reason: 'deploy', at: now - 60_000 }
  const tasks = [task(0, { state: 'paused', paused }), task(1, { state: 'paused', paused }), task(2)]
  expect(view({ tasks })).toContain('main/0, main/1 paused 60 s ago: deploy\n')
  expect(view({ tasks, paused, state: 'paused' }).match(/deploy/g)).toHaveLength(1)
  const waiting = 'for a worker with room for another task'
  const many = Array.from({ length: 9 }, (_, n) => task(n, { waiting }))
  expect(view({ tasks: many })).toContain(`\n9 tasks waiting ${waiting}\n`)
})

test('that nobody works is said first and once', () => {
  const waiting = "for a worker: none polls task queue 'tidemark'"
  const text = view({ workers: [], waiting, tasks: [task(0, { waiting })] })
  expect(text.match(/polls task queue/g)).toHaveLength(1)
  expect(text).toContain("no worker polls task queue 'tidemark'")
  expect(view({ workers: [], endedAt: now, state: 'completed' })).not.toContain('polls')
})

test('skipped records, dead letters and late values show where there are some', () => {
  expect(view()).not.toMatch(/skipped|dead|late/i)
  const counters = { read: 5, written: 1, skipped: 3, deadLettered: 1, late: 2_000 }
  const text = view({ counters, tasks: [task(0, { counters })] })
  expect(text).toContain('3 skipped · 1 dead letter · 2,000 too late ·')
  expect(text).toContain('SKIPPED  DEAD LETTERS  TOO LATE')
})

test('several sources are named, and a task without a checkpoint says so', () => {
  expect(view({ tasks: [task(0, { positions: { a: '1', b: '2000' }, epoch: 0 })] })).toMatch(/a 1, b 2,000 .* none yet/)
})

test('a list of pipelines', () => {
  const { name, workflowId, runId, taskQueue, startedAt } = pipeline()
  const listing = { name, workflowId, runId, taskQueue, startedAt, guarantee: 'exactly-once' as const, tasks: 2 }
  const paused = { reason: 'deploy', at: now }
  expect(
    listView(
      [
        { ...listing, state: 'paused', endedAt: null, paused, problem: null },
        { ...listing, name: 'x', state: 'failed', endedAt: now, paused: null, problem: null },
      ],
      plain,
      now,
    ),
  ).toBe(
    [
      'PIPELINE  STATE   GUARANTEE     TASKS  RUN BEGAN  ENDED    QUEUE     NOTE',
      'delays    paused  exactly-once      2  3 min ago           tidemark  deploy',
      'x         failed  exactly-once      2  3 min ago  0 s ago  tidemark',
    ].join('\n'),
  )
})
