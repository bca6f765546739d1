import { SimplePlugin } from '@temporalio/plugin'
import type { ReplayWorkerOptions, Worker, WorkerOptions } from '@temporalio/worker'
import { ACTIVITY } from '../protocol/names.js'
import { type PluginSettings, settingsFrom, type TidemarkPluginOptions } from './options.js'
import { OwnWorkers } from './own-workers.js'
import { workflowsPath } from './workflow-code.js'

/**
 * Runs pipelines in a Temporal worker: `Worker.create({ …, plugins: [new TidemarkPlugin({ pipelines, kafka })] })`. The
 * worker's own workflows, activities and bundle stay as they are; pipelines have workers of their own on the same
 * connection. Throws `InvalidCommand` for wrong options, all faults at once.
 */
export class TidemarkPlugin extends SimplePlugin {
  private readonly settings: PluginSettings

  constructor(options: TidemarkPluginOptions) {
    super({ name: 'tidemark.StreamPlugin' })
    this.settings = settingsFrom(options)
  }

  /** A worker needs something to do: one without workflows and activities gets an activity that nobody calls. */
  override configureWorker(options: WorkerOptions): WorkerOptions {
    const configured = super.configureWorker(options)
    const { workflowsPath: path, workflowBundle, activities, nexusServices } = configured
    const idle = path === undefined && workflowBundle === undefined && isEmpty(activities) && isEmpty(nexusServices)
    if (!idle) return configured
    return { ...configured, activities: { [ACTIVITY.presence]: async () => 'here' } }
  }

  /** Replays of pipelines' own histories need no path; those of users' workflows keep theirs. */
  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    const configured = super.configureReplayWorker(options)
    if (configured.workflowsPath !== undefined || configured.workflowBundle !== undefined) return configured
    return { ...configured, workflowsPath }
  }

  /** Both run, and both end, together. */
  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    const own = await OwnWorkers.create(worker, this.settings)
    const ours = own.run().finally(() => {
      if (worker.getState() === 'RUNNING') worker.shutdown()
    })
    // Its rejection is told below, after the user's worker has ended too.
    ours.catch(() => undefined)
    try {
      await super.runWorker(worker, next)
    } finally {
      own.shutdown()
      await ours
    }
  }
}

function isEmpty(given: object | undefined): boolean {
  return given === undefined || Object.keys(given).length === 0
}
