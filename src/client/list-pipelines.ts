import type { Client } from '@temporalio/client'
import type { Guarantee } from '../definition/sink.js'
import { MEMO, type PipelineMemo } from '../protocol/messages.js'
import { PIPELINE_WORKFLOW, pipelineWorkflowId } from '../protocol/names.js'
import type { EpochMs } from '../units.js'
import { pipelineStateOf } from './pipeline-state.js'
import type { PausedSince, PipelineStateName, StatusProblem } from './status.js'

/** The newest run of a pipeline, as visibility has it: a second or so behind. */
export interface PipelineListing {
  readonly name: string
  readonly workflowId: string
  readonly runId: string
  readonly taskQueue: string
  readonly state: PipelineStateName
  readonly guarantee: Guarantee | null
  /** How many tasks it has. */
  readonly tasks: number
  /** Of the newest workflow run. */
  readonly startedAt: EpochMs
  readonly endedAt: EpochMs | null
  readonly paused: PausedSince | null
  readonly problem: StatusProblem | null
}

/** Runs that continued as new have a newer one of the same pipeline. */
const QUERY = `WorkflowType = '${PIPELINE_WORKFLOW}' AND ExecutionStatus != 'ContinuedAsNew'`
const PREFIX = pipelineWorkflowId('')

/** Every pipeline the namespace still knows, running or ended, by name. */
export async function* listPipelines(client: Client): AsyncIterable<PipelineListing> {
  const newest = new Map<string, PipelineListing>()
  for await (const run of client.workflow.list({ query: QUERY })) {
    const { workflowId, runId, taskQueue, startTime, closeTime } = run
    const startedAt = startTime.getTime()
    const known = newest.get(workflowId)
    if (!workflowId.startsWith(PREFIX) || (known !== undefined && known.startedAt >= startedAt)) continue
    const memo = (run.memo?.[MEMO.pipeline] as PipelineMemo | undefined) ?? null
    newest.set(workflowId, {
      name: workflowId.slice(PREFIX.length),
      workflowId,
      runId,
      taskQueue,
      state: pipelineStateOf(run.status.name, memo),
      guarantee: memo?.guarantee.value ?? null,
      tasks: memo?.tasks.length ?? 0,
      startedAt,
      endedAt: closeTime?.getTime() ?? null,
      paused: memo?.paused ?? null,
      problem: memo?.problem ?? null,
    })
  }
  yield* [...newest.values()].toSorted((a, b) => a.name.localeCompare(b.name))
}
