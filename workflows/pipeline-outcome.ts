import { ApplicationFailure } from '@temporalio/workflow'
import { counted, type Counters, noCounters } from '../src/protocol/checkpoint.js'
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
  return tasks.reduce((sum, { counters }) => counted(sum, counters), noCounters)
}
