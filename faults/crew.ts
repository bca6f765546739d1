import { fileURLToPath } from 'node:url'
import type { Connection } from '@temporalio/client'
import { WorkerProcess } from '../test/setup/scene/worker-process.js'
import { waitUntil } from '../test/setup/wait-until.js'
import type { FaultWorkerSettings } from './worker.js'

export const WORKERS = 3

/** From dist/ and from the sources alike: workers run from what is built. */
const program = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../dist/faults/worker.js' : './worker.js', import.meta.url),
)

/** The workers of a run: those that are killed are replaced. */
export class Crew {
  /** All that have ever been. */
  readonly all: WorkerProcess[] = []
  private readonly settings: Omit<FaultWorkerSettings, 'identity'>
  private readonly connection: Connection
  private readonly directory: string

  constructor(settings: Omit<FaultWorkerSettings, 'identity'>, connection: Connection, directory: string) {
    this.settings = settings
    this.connection = connection
    this.directory = directory
  }

  /** Those that could work now. */
  get live(): WorkerProcess[] {
    return this.all.filter((worker) => worker.runs && !this.ending.has(worker) && !worker.isFrozen)
  }

  worker(identity: string): WorkerProcess | undefined {
    return this.all.find((worker) => worker.identity === identity && worker.runs)
  }

  private readonly ending = new Set<WorkerProcess>()

  /** From now on it counts as gone. */
  leaves(worker: WorkerProcess): void {
    this.ending.add(worker)
  }

  /** Starts what is missing. Resolves when as many as there should be poll for claims. */
  async muster(): Promise<void> {
    const missing = WORKERS - this.live.length
    for (let i = 0; i < missing; i++) {
      const identity = `worker-${this.all.length + 1}`
      this.all.push(await WorkerProcess.start({ program, settings: { ...this.settings, identity } }, this.directory))
    }
    await waitUntil(
      async () => {
        const polling = await this.pollers()
        return this.live.filter(({ identity }) => polling.includes(identity)).length >= WORKERS
      },
      { for: `${WORKERS} workers to poll for claims`, timeoutMs: 120_000, every: 200 },
    )
  }

  /** SIGTERM to all that run. Returns what is wrong with how they end. */
  async dismiss(): Promise<string[]> {
    const ends = this.all
      .filter(({ runs }) => runs)
      .map(async (worker) => {
        const exit = await worker.terminate()
        return exit.code === 0 ? [] : [`${worker.identity} ended with ${JSON.stringify(exit)}`]
      })
    return (await Promise.all(ends)).flat()
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.all.map((worker) => worker.end()))
  }

  private async pollers(): Promise<string[]> {
    const { pollers } = await this.connection.workflowService.describeTaskQueue({
      namespace: 'default',
      taskQueue: { name: `${this.settings.taskQueue}/claims` },
      // TASK_QUEUE_TYPE_ACTIVITY
      taskQueueType: 2,
    })
    return (pollers ?? []).map(({ identity }) => identity ?? '')
  }
}
