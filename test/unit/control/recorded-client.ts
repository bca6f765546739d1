import { readdirSync, readFileSync } from 'node:fs'
import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js'
import { defaultDataConverter } from '@temporalio/common'
import type { HistoryEvent } from '../../../src/control/task-history.js'

const directory = new URL('../../replay/histories/v1/', import.meta.url)

/** Runs of one workflow, newest first, as test/replay has recorded them. */
export function recordedRuns(workflowId: string): readonly (readonly HistoryEvent[])[] {
  const prefix = `${workflowId.replaceAll('/', '-')}-`
  const files = readdirSync(directory).filter(
    (name) => name.startsWith(prefix) && /^\d+\.json$/.test(name.slice(prefix.length)),
  )
  return files.toSorted().map((name) => {
    const { events } = historyFromJSON(JSON.parse(readFileSync(new URL(name, directory), 'utf8')))
    return events as readonly HistoryEvent[]
  })
}

export const runIdOf = (events: readonly HistoryEvent[]): string =>
  events[0]?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? ''

interface Recorded {
  readonly memo?: unknown
  /** What runs before the newest tell. Default: nothing. */
  readonly earlier?: unknown
  readonly lost?: readonly string[]
}

/** A client of a server that has the recorded histories, and tells `memo` of the pipeline. */
export function recordedClient(options: Recorded = {}): Client {
  const find = (workflowId: string, runId?: string): readonly HistoryEvent[] => {
    const all = recordedRuns(workflowId)
    const found = runId === undefined ? all[0] : all.find((events) => runIdOf(events) === runId)
    if (found === undefined || options.lost?.includes(runIdOf(found))) {
      throw new WorkflowNotFoundError('not found', workflowId, runId)
    }
    return found
  }
  const workflow = {
    getHandle: (workflowId: string, runId?: string) => ({
      describe: async () => ({
        runId: runIdOf(find(workflowId, runId)),
        status: { name: 'COMPLETED' },
        memo: { tidemark: options.memo },
      }),
      fetchHistory: async () => ({ events: find(workflowId, runId) }),
    }),
    async *list({ query }: { query: string }) {
      const workflowId = /^WorkflowId = '(.+)'$/.exec(query)?.[1] ?? ''
      for (const [age, events] of recordedRuns(workflowId).entries())
        yield { runId: runIdOf(events), startTime: new Date(1_000_000 - age), memo: { tidemark: options.earlier } }
    },
  }
  const workflowService = {
    getWorkflowExecutionHistory: async ({ execution }: { execution: { workflowId: string; runId: string } }) => ({
      history: { events: find(execution.workflowId, execution.runId) },
    }),
  }
  const { payloadConverter } = defaultDataConverter
  const loadedDataConverter = { ...defaultDataConverter, payloadConverter, payloadCodecs: [] }
  return { workflow, workflowService, options: { loadedDataConverter, namespace: 'default' } } as unknown as Client
}
