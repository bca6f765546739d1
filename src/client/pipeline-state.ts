import type { WorkflowExecutionStatusName } from '@temporalio/client'
import type { PipelineMemo } from '../protocol/messages.js'
import type { PipelineStateName } from './status.js'

const ENDS: Partial<Record<WorkflowExecutionStatusName, PipelineStateName>> = {
  COMPLETED: 'completed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
}

/** What a pipeline is doing: Temporal's word where its workflow has ended, else its own. */
export function pipelineStateOf(status: WorkflowExecutionStatusName, memo: PipelineMemo | null): PipelineStateName {
  // A run that says 'cancelled' of itself waits for its tasks to end.
  return ENDS[status] ?? (memo?.phase === 'cancelled' ? 'cancelling' : (memo?.phase ?? 'starting'))
}

export const hasEnded = (state: PipelineStateName): boolean =>
  ['completed', 'failed', 'cancelled', 'terminated'].includes(state)
