import type { Worker } from '@temporalio/worker'
import type { OwnWorkers } from './own-workers.js'

/**
 * This library's workers beside the users' workers of one connection and namespace, however many these are: the SDK takes
 * no second worker for the same queue on a connection. They run from the first user's worker to the end of the last.
 */
export class Crew {
  private readonly users = new Set<Worker>()
  private readonly own: Promise<OwnWorkers>
  private readonly ended: Promise<void>
  private over = false

  /** `predecessor`: one that is still about to end. */
  constructor(create: () => Promise<OwnWorkers>, predecessor: Crew | undefined) {
    this.own = this.after(predecessor, create)
    this.ended = this.run()
    // Told to every user's worker, after it has ended too.
    this.ended.catch(() => undefined)
  }

  /** False: it ends, or has ended; a worker that comes now needs another. */
  get open(): boolean {
    return !this.over
  }

  /** Runs a user's worker beside ours. Rejects with what either of them failed with; when one fails, both end. */
  async beside(user: Worker, run: () => Promise<void>): Promise<void> {
    this.users.add(user)
    try {
      // At once: a worker that doesn't run yet can't be shut down, neither by a signal nor by `runUntil`.
      await run()
    } finally {
      this.users.delete(user)
      if (this.users.size === 0) await this.shutdown()
      if (this.over) await this.ended
    }
  }

  private async after(predecessor: Crew | undefined, create: () => Promise<OwnWorkers>): Promise<OwnWorkers> {
    await predecessor?.ended.catch(() => undefined)
    return await create()
  }

  private async run(): Promise<void> {
    try {
      const own = await this.own
      await own.run()
    } finally {
      this.over = true
      for (const user of this.users) if (user.getState() === 'RUNNING') user.shutdown()
    }
  }

  private async shutdown(): Promise<void> {
    this.over = true
    const own = await this.own.catch(() => undefined)
    own?.shutdown()
  }
}
