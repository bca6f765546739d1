import { type Client, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client'
import { expect, test } from 'vitest'
import { PipelineClient } from '../../../src/client/pipeline-client.js'

const DEADLINE_EXCEEDED = 4
const CANCELLED = 1

/** A server that answers a command like that as often, and then takes it. */
function clientOf(code: number, times: number) {
  const updates: string[] = []
  const executeUpdate = async (_: string, { updateId }: { updateId: string }): Promise<void> => {
    updates.push(updateId)
    if (updates.length > times) return
    const details = 'context deadline exceeded'
    const cause = Object.assign(new Error(details), { code, details, metadata: {} })
    throw new WorkflowUpdateRPCTimeoutOrCancelledError(details, { cause })
  }
  const client = {
    withDeadline: async (_: number, work: () => Promise<void>) => work(),
    workflow: { getHandle: () => ({ executeUpdate }) },
  }
  return { updates, pipeline: new PipelineClient(client as unknown as Client).get('busy') }
}

test('a command that a busy server gave up is given again, as the same one, as long as there is time', async () => {
  const { updates, pipeline } = clientOf(DEADLINE_EXCEEDED, 2)
  await pipeline.resume()
  expect(updates).toHaveLength(3)
  expect(new Set(updates).size).toBe(1)
})

test('when the time is up it is told, and what somebody calls off is not tried again', async () => {
  const busy = clientOf(DEADLINE_EXCEEDED, Infinity)
  await expect(busy.pipeline.resume({ timeout: '1s' })).rejects.toMatchObject({ code: 'CommandTimeout' })
  expect(busy.updates.length).toBeGreaterThan(1)
  const off = clientOf(CANCELLED, Infinity)
  await expect(off.pipeline.resume()).rejects.toMatchObject({ code: 'CommandTimeout' })
  expect(off.updates).toHaveLength(1)
})
