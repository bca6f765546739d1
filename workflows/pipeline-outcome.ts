import { ApplicationFailure } from '@temporalio/workflow'
import type { Counters } from '../src/protocol/checkpoint.js'
import type { PipelineState, TaskEntry } from '../src/protocol/pipeline.js'

/** What a pipeline fails with, some of whose tasks have. */
export function failureOfTasks({ plan: { pipeline }, tasks }: PipelineState): ApplicationFailure {
  const failed = tasks.filter((task) => task.phase !== 'completed' && task.phase !== 'drained')
  const [first] = failed
  const message = failed
    .map(({ stage, partition, phase, problem }) => `${stage}/${partition}: ${problem?.message ?? `ended as ${phase}`}`)
    .join('; ')
  return ApplicationFailure.create({
    message: `pipeline ${pipeline} failed in ${failed.length} of ${tasks.length} tasks: ${message}`,
    type: first?.problem?.code ?? 'StepFailed',
    nonRetryable: true,
    details: failed.map((task) => task.problem),
  })
}

/** What all tasks have counted together. */
export function totals(tasks: readonly TaskEntry[]): Counters {
  const sum = (of: (counters: Counters) => number): number => tasks.reduce((n, task) => n + of(task.counters), 0)
  return {
    read: sum((c) => c.read),
    written: sum((c) => c.written),
    skipped: sum((c) => c.skipped),
    deadLettered: sum((c) => c.deadLettered),
  }
}
