import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import { savepointWorkflowId } from '../../../src/protocol/names.js'
import type { SavedTask, SavepointMemo } from '../../../src/protocol/savepoint.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { History } from './history.js'

interface Kept {
  readonly history: History
  open: boolean
}

/** A server's workflows that savepoints are made of, in front of one that has the rest. */
export class KeptTasks {
  /** By workflow id. */
  readonly kept = new Map<string, Kept>()
  private readonly memos = new Map<string, SavepointMemo>()
  /** Runs of savepoints that are gone, and of those that are whole. Any other is of one that is being made. */
  readonly ended = new Set<string>()
  readonly whole = new Set<string>()
  private readonly rest: () => Client

  constructor(rest: () => Client) {
    this.rest = rest
  }

  /** As the workflow of a savepoint has it when all is kept. */
  complete(pipeline: string, label: string, tasks: readonly SavedTask[], id?: string): void {
    const memo = { pipeline, label, at: 1, tasks, ...(id !== undefined && { id }) }
    this.memos.set(savepointWorkflowId(pipeline, label), memo)
  }

  get client(): Client {
    const rest = this.rest()
    const getHandle = (workflowId: string, runId?: string) => {
      if (!workflowId.includes('/savepoint/')) return rest.workflow.getHandle(workflowId, runId)
      const find = (): Kept => {
        const found = this.kept.get(workflowId)
        if (found?.open !== true) throw new WorkflowNotFoundError('not found', workflowId, runId)
        return found
      }
      return {
        describe: async () => {
          const memo = this.memos.get(workflowId)
          if (runId !== undefined) {
            const status = { name: this.ended.has(runId) ? 'COMPLETED' : 'RUNNING' }
            return { status, memo: this.whole.has(runId) ? { tidemark: memo } : {} }
          }
          if (memo === undefined) throw new WorkflowNotFoundError('not found', workflowId, runId)
          return { status: { name: 'RUNNING' }, memo: { tidemark: memo } }
        },
        fetchHistory: async () => ({ events: find().history.events }),
        terminate: async () => void (find().open = false),
      }
    }
    const start = async (_: string, { workflowId, args: [state] }: { workflowId: string; args: [TaskState] }) =>
      void this.kept.set(workflowId, { history: new History().started(state), open: true })
    const workflow = { getHandle, start, list: () => rest.workflow.list() }
    return { workflow, options: rest.options } as unknown as Client
  }
}
