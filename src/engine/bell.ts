/** Wakes one waiter: batches arriving, commands, shutdown. A ring that nobody waits for is kept for the next wait. */
export class Bell {
  private rung = false
  private wake: (() => void) | undefined

  ring(): void {
    this.rung = true
    this.wake?.()
  }

  /** Resolves at the next ring, at once if one is kept, or after `ms` milliseconds. */
  async wait(ms: number): Promise<void> {
    if (!this.rung && ms > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.wake = resolve
        timer = setTimeout(resolve, Math.min(ms, 0x7fffffff))
      })
      clearTimeout(timer)
      this.wake = undefined
    }
    this.rung = false
  }
}
