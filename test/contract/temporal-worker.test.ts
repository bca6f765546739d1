/** What this library uses of the Temporal worker beyond its declared types. */
import { NativeConnection, Worker } from '@temporalio/worker'
import { expect, test } from 'vitest'
import { uninterrupted } from '../../src/plugin/workflow-code.js'
import { temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'

test('a worker takes the time-out of running workflow code, and has another one by default', async () => {
  const connection = await NativeConnection.connect({ address: temporalAddress() })
  const activities = { nothing: () => Promise.resolve() }
  const timeoutWith = async (options: object): Promise<number> => {
    const worker = await Worker.create({ connection, taskQueue: uniqueName('queue'), activities, ...options })
    await worker.runUntil(Promise.resolve())
    return worker.options.isolateExecutionTimeoutMs
  }
  try {
    expect(await timeoutWith({})).toBe(5_000)
    expect(await timeoutWith(uninterrupted)).toBe(uninterrupted.isolateExecutionTimeout)
  } finally {
    await connection.close()
  }
})
