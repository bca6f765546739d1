import type { Client } from '@temporalio/client'
import { eachOf } from '../control/each-of.js'
import { taskWorkflowId } from '../protocol/names.js'
import { hasEnded, pipelineStateOf } from './pipeline-state.js'
import { describePipelineRun } from './read-pipeline.js'
import { describeTask, type TaskRef } from './read-task.js'

/** Tasks, of those named or of all, that go on although they are to pause. Empty once the pipeline has ended. */
export async function notPaused(client: Client, name: string, which: Partial<TaskRef>): Promise<string[]> {
  const { description, memo } = await describePipelineRun(client, name)
  const state = pipelineStateOf(description.status.name, memo)
  if (hasEnded(state)) return []
  if (memo === null || state === 'starting') return [`the pipeline (${state})`]
  const whole = which.stage === undefined && which.partition === undefined
  if (whole && state !== 'paused') return [`the pipeline (${state})`]
  const tasks = memo.tasks.filter(
    (task) =>
      (which.stage === undefined || task.stage === which.stage) &&
      (which.partition === undefined || task.partition === which.partition),
  )
  const left: string[] = []
  await eachOf(tasks, async ({ stage, partition }) => {
    const found = await describeTask(client, taskWorkflowId(name, stage, partition))
    const phase = found?.description.status.name === 'RUNNING' ? (found.memo?.phase ?? 'starting') : 'ended'
    if (phase === 'running' || phase === 'starting') left.push(`${stage}/${partition} (${phase})`)
  })
  return left.toSorted()
}

/** The run, while it has not ended; runs that it continues as count with it. */
export async function notEnded(client: Client, name: string): Promise<string[]> {
  const { description, memo } = await describePipelineRun(client, name)
  const state = pipelineStateOf(description.status.name, memo)
  return hasEnded(state) ? [] : [`the pipeline (${state})`]
}
