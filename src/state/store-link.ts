import type { TaskAt } from '../errors/ownership.js'
import { StateBackendUnavailable } from '../errors/state.js'

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000
/** Without an answer for so long, a request counts as trouble. */
const HANGING_MS = 5_000

export interface LinkOptions {
  readonly task: TaskAt
  /** What the backend is, for errors. */
  readonly describe: string
  readonly warn: (message: string) => void
}

/** What is done with a store is done again until it succeeds. One thing at a time. */
export class StoreLink {
  private readonly options: LinkOptions
  private failure: StateBackendUnavailable | null = null
  private asked: { readonly doing: string; readonly at: number } | null = null
  private closed = false
  private wake: () => void = () => {}

  constructor(options: LinkOptions) {
    this.options = options
  }

  /** Why nothing gets on, as far as it is known. */
  get trouble(): StateBackendUnavailable | null {
    const { failure, asked, options } = this
    if (failure !== null || asked === null) return failure
    const ms = performance.now() - asked.at
    if (ms < HANGING_MS) return null
    return this.unavailable(asked.doing, undefined, `no answer from ${options.describe} for ${Math.floor(ms / 1000)} s`)
  }

  /** True: it is done. False: this was closed before. Never rejects. */
  async until(doing: string, work: () => Promise<void>): Promise<boolean> {
    for (let pause = FIRST_PAUSE_MS; !this.closed; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      this.asked = { doing, at: performance.now() }
      try {
        await work()
        this.failure = null
        return true
      } catch (error) {
        if (this.failure === null && !this.closed) this.options.warn(this.unavailable(doing, error).message)
        this.failure = this.unavailable(doing, error)
      } finally {
        this.asked = null
      }
      if (!this.closed) await this.pause(pause)
    }
    return false
  }

  close(): void {
    this.closed = true
    this.wake()
  }

  unavailable(doing: string, cause: unknown, reason?: string): StateBackendUnavailable {
    const { task, describe } = this.options
    const { pipeline, stage, partition } = task
    const details = { pipeline, stage, partition, backend: describe, doing, ...(reason !== undefined && { reason }) }
    return new StateBackendUnavailable(details, cause)
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
