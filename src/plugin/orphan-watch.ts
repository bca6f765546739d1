import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { SessionRegistry } from '../engine/registry.js'
import { pipelineWorkflowId } from '../protocol/names.js'

const LOOK_MS = 15_000

/** Ends the epochs of tasks whose pipeline's run is gone: tasks outlive it, but not for ever (PROTOCOL §7). */
export class OrphanWatch {
  private readonly client: Client
  private readonly registry: SessionRegistry
  private readonly timer: NodeJS.Timeout

  constructor(client: Client, registry: SessionRegistry) {
    this.client = client
    this.registry = registry
    this.timer = setInterval(() => void this.look(), LOOK_MS)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private async look(): Promise<void> {
    // Those that are there before the server is asked: a newer start's own may come meanwhile.
    const { all } = this.registry
    const pipelines = new Set(all.map((session) => session.claim.pipeline))
    for (const pipeline of pipelines) {
      if (!(await this.isGone(pipeline))) continue
      this.registry.interrupt((session) => session.claim.pipeline === pipeline && all.includes(session), 'orphaned')
    }
  }

  /** Only a server that says so counts: one that can't be reached says nothing. */
  private async isGone(pipeline: string): Promise<boolean> {
    try {
      const { status } = await this.client.workflow.getHandle(pipelineWorkflowId(pipeline)).describe()
      return status.name !== 'RUNNING' && status.name !== 'PAUSED'
    } catch (error) {
      return error instanceof WorkflowNotFoundError
    }
  }
}
