import type { Client } from '@temporalio/client'
import { readSavepoint } from '../control/saved-task.js'
import { isMeant } from '../control/checkpoint-at.js'
import { InvalidCommand, PipelineNotFound, SavepointNotFound } from '../errors/control.js'
import { savepointWorkflowId } from '../protocol/names.js'
import type { PipelinePlan, Rewind } from '../protocol/pipeline.js'
import { hasEnded, pipelineStateOf } from './pipeline-state.js'
import { describePipelineRun, pipelineTasks } from './read-pipeline.js'
import { readPlan } from './read-plan.js'

/** What is known of a pipeline that is to go back. */
export interface RewindBasis {
  /** Of its newest run, or of its savepoint. */
  readonly taskQueue: string
  readonly running: boolean
  /** Null: none was made, or the namespace no longer has it. */
  readonly plan: PipelinePlan | null
  /** Those that are to go back. */
  readonly tasks: readonly { readonly stage: string; readonly partition: number }[]
}

/** As its newest run has it; a savepoint outlives all of those, and tells then. Throws `PipelineNotFound`, `InvalidCommand`. */
export async function rewindBasis(client: Client, pipeline: string, rewind: Rewind): Promise<RewindBasis> {
  try {
    const { description, memo } = await describePipelineRun(client, pipeline)
    const which = { stage: rewind.stage ?? undefined, partition: rewind.partition ?? undefined }
    const tasks = await pipelineTasks(client, 'rewind', pipeline, which)
    const plan = await readPlan(client, pipeline)
    const { taskQueue, status } = description
    const running = !hasEnded(pipelineStateOf(status.name, memo))
    // All there is may be a start that failed before it had tasks.
    if (tasks.length === 0 && 'savepoint' in rewind.to)
      return { taskQueue, running, plan, tasks: await savedTasks(client, pipeline, rewind, rewind.to.savepoint) }
    return { taskQueue, running, plan, tasks }
  } catch (error) {
    if (!(error instanceof PipelineNotFound) || !('savepoint' in rewind.to)) throw error
    return await savedBasis(client, pipeline, rewind, rewind.to.savepoint, error)
  }
}

async function savedBasis(
  client: Client,
  pipeline: string,
  rewind: Rewind,
  label: string,
  notFound: PipelineNotFound,
): Promise<RewindBasis> {
  try {
    const tasks = await savedTasks(client, pipeline, rewind, label)
    const { taskQueue } = await client.workflow.getHandle(savepointWorkflowId(pipeline, label)).describe()
    return { taskQueue, running: false, plan: null, tasks }
  } catch (error) {
    throw error instanceof SavepointNotFound ? notFound : error
  }
}

async function savedTasks(
  client: Client,
  pipeline: string,
  rewind: Rewind,
  label: string,
): Promise<RewindBasis['tasks']> {
  const { tasks: saved } = await readSavepoint(client, pipeline, label)
  const tasks = saved.filter(({ stage, partition }) => isMeant(rewind, stage, partition))
  if (tasks.length === 0) throw new InvalidCommand({ command: 'rewind', pipeline, reason: 'there is no such task' })
  return tasks
}
