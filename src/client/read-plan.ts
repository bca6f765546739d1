import type { Client } from '@temporalio/client'
import { decode, type HistoryEvent } from '../control/task-history.js'
import { ACTIVITY, pipelineWorkflowId } from '../protocol/names.js'
import type { PipelineInput, PipelinePlan, PipelineState } from '../protocol/pipeline.js'

/** A run begins with its plan, or has it from the run before. */
const PAGE = 100

/** The plan of a pipeline's newest run, from the beginning of its history; null where none was made. Needs no worker. */
export async function readPlan(client: Client, pipeline: string): Promise<PipelinePlan | null> {
  const workflowId = pipelineWorkflowId(pipeline)
  const { runId } = await client.workflow.getHandle(workflowId).describe()
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: PAGE,
  })
  return await planIn(client, history?.events ?? [])
}

export async function planIn(client: Client, events: readonly HistoryEvent[]): Promise<PipelinePlan | null> {
  const planning = new Set<string>()
  for (const event of events) {
    const begun = event.workflowExecutionStartedEventAttributes
    if (begun?.continuedExecutionRunId) {
      const input = await decode<PipelineInput | PipelineState>(client, begun.input?.payloads)
      if ('plan' in input) return input.plan
    }
    if (event.activityTaskScheduledEventAttributes?.activityType?.name === ACTIVITY.describePipeline)
      planning.add(String(event.eventId))
    const done = event.activityTaskCompletedEventAttributes
    if (done && planning.has(String(done.scheduledEventId))) return await decode(client, done.result?.payloads)
  }
  return null
}
