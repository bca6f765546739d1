import { makeContinueAsNewFunc, type Workflow, workflowInfo } from '@temporalio/workflow'

/** Continues as new; where workers of a newer deployment version are to have this workflow, on that version. */
export function nextRun<F extends Workflow>(): (...args: Parameters<F>) => Promise<never> {
  const upgrade = workflowInfo().targetWorkerDeploymentVersionChanged
  return makeContinueAsNewFunc<F>(upgrade ? { initialVersioningBehavior: 'AUTO_UPGRADE' } : {})
}
