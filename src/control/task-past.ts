import { WorkflowNotFoundError } from '@temporalio/client'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { Receipt } from '../definition/sink.js'
import { ledgerGroups, ledgerKey, sinksOf } from '../engine/open-ledgers.js'
import { taskWorkflowId } from '../protocol/names.js'
import type { TaskState } from '../protocol/task.js'
import { lastTaskState } from './task-history.js'
import type { WorkerContext } from './worker-context.js'

/** What history and ledgers know of a task's earlier runs. */
export class TaskPast {
  private readonly context: WorkerContext
  private readonly blueprint: Blueprint
  private readonly stage: Stage
  private readonly partition: number
  private readonly signal: AbortSignal
  private readonly workflowId: string

  constructor(context: WorkerContext, blueprint: Blueprint, stage: Stage, partition: number, signal: AbortSignal) {
    this.context = context
    this.blueprint = blueprint
    this.stage = stage
    this.partition = partition
    this.signal = signal
    this.workflowId = taskWorkflowId(blueprint.name, stage.id, partition)
  }

  /** Whether history or a ledger knows of this task. */
  async exists(): Promise<boolean> {
    if ((await this.last()) !== null) return true
    return [...(await this.receipts()).values()].some((receipt) => receipt !== null)
  }

  /** What history has; to be asked when the old run is closed. */
  last(): Promise<TaskState | null> {
    return lastTaskState(this.context.client, this.workflowId)
  }

  async closeRun(): Promise<void> {
    try {
      await this.context.client.workflow
        .getHandle(this.workflowId)
        .terminate('replaced by a newer start of its pipeline')
    } catch (error) {
      // Not running, or never run: both are what is wanted.
      if (!(error instanceof WorkflowNotFoundError)) throw error
    }
  }

  /** A generation above all that history and ledgers show. */
  async above(last: TaskState | null): Promise<Pick<TaskState, 'generation' | 'incarnation'>> {
    const receipts = await this.receipts()
    const owners = [...receipts.values()].flatMap((receipt) => (receipt === null ? [] : [receipt.owner]))
    return {
      generation: Math.max(0, last?.generation ?? 0, ...owners.map((owner) => owner.generation)) + 1,
      incarnation: Math.max(0, last?.incarnation ?? 0, ...owners.map((owner) => owner.incarnation)),
    }
  }

  /** The newest of each ledger, by its id. */
  async receipts(): Promise<Map<string, Receipt | null>> {
    const { context, blueprint, stage, partition, signal } = this
    const receipts = new Map<string, Receipt | null>()
    const at = { pipeline: blueprint.name, stage: stage.id, partition }
    for (const { id, sinks } of ledgerGroups(sinksOf(blueprint, stage))) {
      const receipt = await sinks[0]?.sink.inspect({
        ...at,
        ledgerKey: ledgerKey(context.engine.namespace, at, id),
        sinks: sinks.map((sink) => sink.id),
        signal,
        connection: context.engine.connection,
      })
      receipts.set(id, receipt ?? null)
    }
    return receipts
  }
}
