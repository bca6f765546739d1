import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { ACTIVITY } from '../../../src/protocol/names.js'
import { waitUntil } from '../wait-until.js'
import type { WorkerProcess } from './worker-process.js'

/** What was on its way to the server when the worker stopped has arrived by then. */
const ARRIVED_MS = 200

/**
 * Stops a worker while it runs an epoch of that task, as far as Temporal knows. One that is met between two epochs, where a
 * busy machine keeps it for long, is let go and met again. `middle` waits for a good moment.
 */
export async function freezeMidEpoch(
  client: Client,
  worker: WorkerProcess,
  taskId: string,
  middle: () => Promise<void>,
): Promise<void> {
  const isStopped = async (): Promise<boolean> => {
    await middle()
    worker.freeze()
    await waitUntil(() => worker.isFrozen, { for: 'the worker to stand still', every: 5 })
    await sleep(ARRIVED_MS)
    const { raw } = await client.workflow.getHandle(taskId).describe()
    const epochs = (raw.pendingActivities ?? []).filter(({ activityType }) => activityType?.name === ACTIVITY.runEpoch)
    if (epochs.some(({ lastWorkerIdentity }) => lastWorkerIdentity === worker.identity)) return true
    worker.thaw()
    return false
  }
  await waitUntil(isStopped, { for: `${worker.identity} to be stopped in an epoch of ${taskId}`, timeoutMs: 120_000 })
}
