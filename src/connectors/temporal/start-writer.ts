import { type Client, WithStartWorkflowOperation } from '@temporalio/client'
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common'
import type { IdempotentWriter, Item, WriteResult } from '../../definition/sink.js'
import { SinkUnauthorized } from '../../errors/sink.js'
import { inParallel } from '../in-parallel.js'
import { type Meaning, meaningOf } from './classify.js'

/** Memo of a started workflow: the item it was started for. Tells a retry from somebody else's workflow. */
export const STARTED_FOR = 'tidemark.item'

/** One workflow to start, or to update. */
export interface StartRequest {
  /** Null: made of the item's id. */
  readonly workflowId: string | null
  readonly args: readonly unknown[]
  readonly memo: Readonly<Record<string, unknown>>
  /** Arguments of the update; null: only start it. */
  readonly updateArgs: readonly unknown[] | null
}

export interface StartWriterOptions {
  readonly client: Client
  readonly workflowType: string
  readonly taskQueue: string
  readonly update: string | null
  readonly onExisting: 'fail' | 'skip'
  readonly concurrency: number
  /** Of one call. */
  readonly timeoutMs: number
  readonly runTimeoutMs: number | null
  readonly executionTimeoutMs: number | null
  /** Goes behind ids that are made of item ids. */
  readonly idSuffix: string
  /** For errors. */
  readonly at: { readonly pipeline: string; readonly stage: string; readonly partition: number; readonly sink: string }
  readonly target: string
}

/** Starts a workflow for each item, or updates one, so many at a time. */
export class StartWriter implements IdempotentWriter<StartRequest> {
  private readonly options: StartWriterOptions

  constructor(options: StartWriterOptions) {
    this.options = options
  }

  async write(items: readonly Item<StartRequest>[], signal: AbortSignal): Promise<WriteResult> {
    const { client, concurrency, timeoutMs } = this.options
    const failed: WriteResult['failed'][number][] = []
    await inParallel(items, concurrency, async (item) => {
      try {
        const call = (): Promise<void> => (item.data.updateArgs === null ? this.start(item) : this.update(item))
        await client.withDeadline(Date.now() + timeoutMs, () => client.withAbortSignal(signal, call))
      } catch (error) {
        signal.throwIfAborted()
        const { of, reason } = error instanceof Existing ? refusal(error) : meaningOf(error)
        if (of === 'unauthorized') throw this.unauthorized(reason, error)
        failed.push({ id: item.id, error: new Error(reason, { cause: error }), retryable: of === 'again' })
      }
    })
    return { failed }
  }

  async close(): Promise<void> {
    // The connection is the worker's.
  }

  private async start(item: Item<StartRequest>): Promise<void> {
    const { client, workflowType, onExisting } = this.options
    const { workflowId, ...start } = this.startOptions(item)
    try {
      await client.workflow.start(workflowType, {
        ...start,
        workflowId,
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
      })
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
      if (onExisting === 'skip') return
      const found = await this.startedFor(workflowId)
      if (found !== item.id) throw new Existing(workflowId, found)
    }
  }

  private async update(item: Item<StartRequest>): Promise<void> {
    const { client, workflowType, update } = this.options
    const startWorkflowOperation = new WithStartWorkflowOperation(workflowType, {
      ...this.startOptions(item),
      workflowIdConflictPolicy: 'USE_EXISTING',
    })
    await client.workflow.executeUpdateWithStart(update ?? '', {
      startWorkflowOperation,
      args: [...(item.data.updateArgs ?? [])],
      updateId: item.id,
    })
  }

  /** Which item a workflow was started for; null for somebody else's. */
  private async startedFor(workflowId: string): Promise<string | null> {
    try {
      const { memo } = await this.options.client.workflow.getHandle(workflowId).describe()
      const item = memo?.[STARTED_FOR]
      return typeof item === 'string' ? item : null
    } catch (error) {
      // Deleted in between, at the end of its retention: another try starts it.
      if (error instanceof WorkflowNotFoundError)
        throw new Error(`workflow ${workflowId} is just gone`, { cause: error })
      throw error
    }
  }

  private startOptions({ id, data }: Item<StartRequest>) {
    const { taskQueue, runTimeoutMs, executionTimeoutMs, idSuffix } = this.options
    return {
      workflowId: data.workflowId ?? `${id}${idSuffix}`,
      taskQueue,
      args: [...data.args],
      memo: { ...data.memo, [STARTED_FOR]: id },
      ...(runTimeoutMs !== null && { workflowRunTimeout: runTimeoutMs }),
      ...(executionTimeoutMs !== null && { workflowExecutionTimeout: executionTimeoutMs }),
    }
  }

  private unauthorized(reason: string, cause: unknown): SinkUnauthorized {
    const { at, target, workflowType } = this.options
    return new SinkUnauthorized({ ...at, target, doing: `start ${workflowType}`, reason }, cause)
  }
}

/** A workflow of that id is there, and wasn't started for this item. */
class Existing extends Error {
  constructor(workflowId: string, found: string | null) {
    const whose = found === null ? 'by something else' : `for ${found}`
    super(`workflow ${workflowId} exists already: it was started ${whose}`)
  }
}

const refusal = ({ message }: Existing): Meaning => ({ of: 'refused', reason: message })
