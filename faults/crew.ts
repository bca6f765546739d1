import { fileURLToPath } from 'node:url'
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
  private readonly directory: string
  private readonly ending = new Set<WorkerProcess>()
  private readonly up = new Set<WorkerProcess>()
  private named = 0

  constructor(settings: Omit<FaultWorkerSettings, 'identity'>, directory: string) {
    this.settings = settings
    this.directory = directory
  }

  /** Those that are there and don't end. */
  get live(): WorkerProcess[] {
    return this.all.filter((worker) => worker.runs && !this.ending.has(worker))
  }

  worker(identity: string): WorkerProcess | undefined {
    return this.all.find((worker) => worker.identity === identity && worker.runs)
  }

  /** From now on it counts as gone. */
  leaves(worker: WorkerProcess): void {
    this.ending.add(worker)
  }

  /** Starts what is missing. Resolves when as many as there should be wait for claims. Throws where one has ended by itself. */
  async muster(): Promise<void> {
    const missing = Math.max(0, WORKERS - this.live.length)
    await Promise.all(Array.from({ length: missing }, () => this.hire()))
    const settled = (): boolean => this.quitters.length > 0 || this.live.every((worker) => this.isUp(worker))
    await waitUntil(settled, { for: `${WORKERS} workers to wait for claims`, timeoutMs: 180_000, every: 50 })
    const [quitter] = this.quitters
    if (quitter !== undefined) throw new Error(`${quitter.identity} has ended by itself:\n${quitter.log.slice(-4_000)}`)
  }

  /** As it tells. The server names pollers of one partition of a queue only, and for a minute none of them may be this worker's. */
  private isUp(worker: WorkerProcess): boolean {
    if (this.up.has(worker)) return true
    const isUp = worker.log.includes(`taskQueue: '${this.settings.taskQueue}/claims',\n  state: 'RUNNING'`)
    if (isUp) this.up.add(worker)
    return isUp
  }

  private async hire(): Promise<void> {
    const identity = `worker-${++this.named}`
    this.all.push(await WorkerProcess.start({ program, settings: { ...this.settings, identity } }, this.directory))
  }

  /** A worker sits out whatever happens to its servers: only signals end it. */
  private get quitters(): WorkerProcess[] {
    return this.all.filter(({ runs, wasTold }) => !runs && !wasTold)
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
}
