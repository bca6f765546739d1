/** Bounds what all sessions of a process prefetch. A task that holds nothing is never kept waiting. */
export class ByteBudget {
  readonly limit: number
  private used = 0
  private readonly waiting = new Set<() => void>()

  constructor(limit: number) {
    this.limit = limit
  }

  get available(): number {
    return Math.max(0, this.limit - this.used)
  }

  take(bytes: number): void {
    this.used += bytes
  }

  give(bytes: number): void {
    this.used -= bytes
    for (const wake of this.waiting) wake()
  }

  /** Resolves once `has()` room or `signal` has aborted. */
  async until(has: () => boolean, signal: AbortSignal): Promise<void> {
    while (!has() && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.waiting.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.waiting.add(wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    }
  }
}
