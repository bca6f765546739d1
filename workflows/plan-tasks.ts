import { ACTIVITY } from '../src/protocol/names.js'
import type { FenceGoneInput, PipelineInput, PipelinePlan, PipelineState } from '../src/protocol/pipeline.js'
import type { TaskState } from '../src/protocol/task.js'
import { patched, workflowInfo } from '@temporalio/workflow'
import { control, plan as planning } from './activities.js'
import { newPipeline } from './pipeline-state.js'

/** Old runs are read that many at a time: the answer, about 1 KB each, has to fit a payload. */
const TAKE_OVER_AT_ONCE = 50

/** What to run, and where each task goes on. Anything here may wait for long, and can be cancelled. */
export async function planTasks(
  input: PipelineInput | PipelineState,
): Promise<{ readonly state: PipelineState; readonly found: readonly TaskState[] }> {
  const plan = await planning[ACTIVITY.describePipeline](input, workflowInfo().workflowId)
  const state = newPipeline(plan, Date.now())
  const found: TaskState[] = []
  const gone: FenceGoneInput[] = []
  const { pipeline } = plan
  const { runId } = workflowInfo()
  for (const { id: stage, after } of plan.stages) {
    const discover = { pipeline, stage, count: true, running: [], ...channelOf(state) }
    const { partitions } = await control[ACTIVITY.discoverPartitions](discover)
    const all = Array.from({ length: partitions }, (_, p) => p)
    found.push(...(await takeOverTasks(state, stage, all, false)))
    if (after !== undefined) gone.push({ pipeline, stage, from: partitions, runId })
  }
  // Last: nobody is fenced before it is sure that all stages can begin.
  if (mayLoseTasks(plan) && patched('fence-gone-last'))
    for (const behind of gone) await control[ACTIVITY.fenceGone](behind)
  // PROTOCOL §1: raised by every start that isn't a continue-as-new, over all tasks together.
  const incarnation = Math.max(0, ...found.map((task) => task.incarnation)) + 1
  return { state: { ...state, incarnation, phase: 'running' }, found }
}

/** Where the number of partitions may be another one than it was: behind a `repartition`, at a savepoint of its own. */
const mayLoseTasks = ({ stages, input: { rewind } }: PipelinePlan): boolean =>
  stages.length > 1 && rewind !== undefined && rewind.of === undefined && 'savepoint' in rewind.to

export async function takeOverTasks(
  state: PipelineState,
  stage: string,
  partitions: readonly number[],
  late: boolean,
  activities = control,
): Promise<readonly TaskState[]> {
  const { pipeline, settings, stages, input: given } = state.plan
  const { incarnation } = state
  // Where a later stage of a bounded run ends is known when those before it have ended; in what else it reads, at once.
  const isLater = stages.some(({ id, after, beside }) => id === stage && after !== undefined && beside !== true)
  const input = isLater ? { ...given, until: null } : given
  const tasks: TaskState[] = []
  for (let at = 0; at < partitions.length; at += TAKE_OVER_AT_ONCE) {
    const some = partitions.slice(at, at + TAKE_OVER_AT_ONCE)
    const count = late ? {} : { count: partitions.length }
    const asked = {
      pipeline,
      stage,
      partitions: some,
      settings,
      input,
      late,
      incarnation,
      ...count,
      ...channelOf(state),
    }
    const answer = await activities[ACTIVITY.takeOver](asked)
    tasks.push(...answer.tasks)
  }
  return tasks
}

/** For whoever asks after what lies between the stages. */
export const channelOf = ({ plan: { channel } }: PipelineState) => (channel === undefined ? {} : { channel })
