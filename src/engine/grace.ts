import type { Session } from './session.js'

/** A command or a shutdown waits so long for calls; then they are aborted, to be made again. */
const GRACE_MS = 2_000

/** How long something under way may go on waiting. */
export class Grace {
  private readonly session: Session
  /** Since when a command or a shutdown waits. */
  private askedAt: number | null = null

  constructor(session: Session) {
    this.session = session
  }

  /** One that catches up does so first, but for a worker that goes away. */
  get isAsked(): boolean {
    const { stop, catchUp } = this.session
    return stop === 'released' || (stop !== null && !catchUp.active)
  }

  isOver(): boolean {
    if (!this.isAsked) return false
    this.askedAt ??= performance.now()
    return performance.now() - this.askedAt >= GRACE_MS
  }

  /** When to look again, in ms. */
  get patienceMs(): number {
    return this.askedAt === null ? GRACE_MS : this.askedAt + GRACE_MS - performance.now()
  }
}
