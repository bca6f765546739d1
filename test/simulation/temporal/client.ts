import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import { defaultPayloadConverter, type Payload } from '@temporalio/common'
import type { Process } from '../schedule.js'
import type { Entry, SimRun } from './run.js'
import type { SimTemporal } from './server.js'

/** Ways to break what a start relies on. */
export type ClientFlaw = 'reads history before it closes the run'

/** As much of a client as a start uses to take a task over: each call leaves the process, and may be its last. */
export function simClient(process: Process, temporal: () => SimTemporal, flaw: ClientFlaw | null): Client {
  let late = false
  const getHandle = (workflowId: string, runId?: string) => ({
    terminate: async () => {
      if (flaw === null) await closed(workflowId)
      else late = true
    },
    describe: async () => {
      await process.step('describes the task')
      const { newest } = temporal()
      if (newest === undefined) throw new WorkflowNotFoundError('not found', workflowId, runId)
      return { runId: newest.runId }
    },
    fetchHistory: async () => {
      await process.step('reads history')
      const run = temporal().runs.find((other) => other.runId === runId)
      if (run === undefined) throw new WorkflowNotFoundError('not found', workflowId, runId)
      const events = eventsOf(run)
      if (late) await closed(workflowId).catch(() => undefined)
      return { events }
    },
  })
  const closed = async (workflowId: string): Promise<void> => {
    await process.step('closes the old run')
    if (!temporal().terminate()) throw new WorkflowNotFoundError('not running', workflowId, undefined)
  }
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] }
  // The rest of a client is nobody's business here.
  return { workflow: { getHandle }, options: { loadedDataConverter } } as unknown as Client
}

/** History as the API tells it, as far as src/control/task-history.ts reads it. */
function eventsOf(run: SimRun): readonly object[] {
  return run.log.map((entry, at) => ({ eventId: at + 1, ...attributesOf(run, entry) }))
}

function attributesOf(run: SimRun, entry: Entry): object {
  if (entry.kind === 'started') return { workflowExecutionStartedEventAttributes: { input: payloads(entry.input) } }
  if (entry.kind === 'ended') return { workflowExecutionCompletedEventAttributes: { result: payloads(entry.result) } }
  if (entry.kind === 'command') {
    const { command } = entry
    if (command.kind !== 'activity') return {}
    const { type, input } = command
    return { activityTaskScheduledEventAttributes: { activityType: { name: type }, input: payloads(input) } }
  }
  const { job } = entry
  if (job.kind !== 'settled' || job.error !== undefined) return {}
  const scheduledEventId = 1 + run.log.findIndex((e) => e.kind === 'command' && e.command.seq === job.seq)
  return { activityTaskCompletedEventAttributes: { scheduledEventId, result: payloads(job.value) } }
}

function payloads(value: unknown): { payloads: Payload[] } {
  return { payloads: value === undefined ? [] : [defaultPayloadConverter.toPayload(value)] }
}
