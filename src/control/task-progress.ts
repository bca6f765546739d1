import type { Client } from '@temporalio/client'
import type { EpochInput } from '../protocol/epoch.js'
import { ACTIVITY, taskWorkflowId } from '../protocol/names.js'
import type { TaskProgress } from '../protocol/pipeline.js'
import { decode } from './task-history.js'

/** An epoch has six events; its command is among the newest of them. */
const NEWEST = 12

/** How far a task was at its last checkpoint, from the newest end of its history; null before its first epoch. */
export async function taskProgress(
  client: Client,
  pipeline: string,
  stage: string,
  partition: number,
): Promise<TaskProgress | null> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId: taskWorkflowId(pipeline, stage, partition) },
    maximumPageSize: NEWEST,
  })
  for (const event of history?.events ?? []) {
    const command = event.activityTaskScheduledEventAttributes
    if (command?.activityType?.name !== ACTIVITY.runEpoch) continue
    const { positions, counters } = await decode<EpochInput>(client, command.input?.payloads)
    return { partition, positions, counters }
  }
  return null
}
