import type { Problem } from '../../../src/protocol/checkpoint.js'
import { newTask } from '../../../src/protocol/new-task.js'
import type { PipelinePlan } from '../../../src/protocol/pipeline.js'
import type { TaskState } from '../../../src/protocol/task.js'

export const settings = {
  taskQueue: 'tidemark',
  checkpointMs: 5_000,
  heartbeatMs: 6_000,
  idleMs: 60_000,
  maxHistoryEvents: 10_000,
}

export const problem: Problem = {
  code: 'StepFailed',
  message: "step 'parse' failed: no total",
  next: 'correct the step',
  details: {},
  at: 77,
}

/** A task that runs, at its seventh epoch. */
export function taskState(more: Partial<TaskState> = {}): TaskState {
  const origin = { flights: '0' }
  const task = newTask({ pipeline: 'delays', stage: 'main', partition: 3, settings, origin })
  const checkpoint = {
    epoch: 7,
    positions: { flights: '1234567' },
    ledgers: { files: { seq: 9, digest: 'abc', place: 'here' } },
    identities: {},
  }
  const counters = { read: 1_234_567, written: 1_000, skipped: 0, deadLettered: 0 }
  const session = { queue: 'queue', worker: 'host-1', furthest: null }
  return { ...task, generation: 2, incarnation: 4, claim: 5, checkpoint, counters, session, lag: 1_000, ...more }
}

export const plan: PipelinePlan = {
  pipeline: 'delays',
  stages: [
    {
      id: 'main',
      sources: [{ id: 'flights', kind: 'kafka', describe: 'topic flights' }],
      steps: [{ id: 'late', kind: 'filter' }],
      sinks: [{ id: 'files', kind: 'file', describe: 'directory out' }],
    },
  ],
  guarantee: { value: 'exactly-once', because: 'every sink keeps a ledger' },
  fingerprint: 'f',
  settings,
  discoveryMs: 30_000,
  searchAttributes: false,
  input: { until: null, fresh: false, from: null },
}
