import type { GuardRails } from '../definition/blueprint.js'
import type { TaskAt } from '../errors/ownership.js'
import { CheckpointsFailed, StateBackendUnavailable } from '../errors/state.js'

/** A sink that takes longer than that is given up, though any number of failed checkpoints is tolerated. */
const STANDSTILL_MS = 600_000
const SECOND_LOOK_MS = 20
/** Longest time that a timer takes: more than the longest `timeout`, but not than several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface GuardOptions {
  readonly rails: GuardRails
  readonly task: TaskAt
  /** Tells of a failed checkpoint that is tolerated. */
  readonly tell: (failed: CheckpointsFailed) => void
}

/**
 * The guard rails of one session's checkpoints. One that takes too long is given up: the epoch goes on, and what has been
 * stored stays. An epoch is the work between two checkpoints, so failed ones in a row are those of one epoch.
 */
export class CheckpointGuard {
  private readonly options: GuardOptions
  private epoch = 0
  private intervalMs = 0
  private failed = 0
  /** The checkpoint that is being made is due since then; null: none is. */
  private since: number | null = null
  /** When the next is due. */
  private due = Infinity
  /** When the epoch last did something; Infinity while it waits for records, or for state to be stored, which has an end of its own. */
  private moved = 0
  private still = false

  constructor(options: GuardOptions) {
    this.options = options
  }

  /** The last checkpoint has just ended: an epoch begins. */
  start(epoch: number, checkpointMs: number): void {
    this.epoch = epoch
    this.intervalMs = Math.max(checkpointMs, this.minPauseMs)
    this.failed = 0
    this.since = null
    this.moved = performance.now()
    this.due = this.moved + this.intervalMs
  }

  get minPauseMs(): number {
    return this.options.rails.minPauseMs
  }

  /** A checkpoint is late by so much; null: none is. */
  get lateMs(): number | null {
    return this.since === null ? null : performance.now() - this.since
  }

  /** One has failed, and so long the next has to wait; 0: it may begin. */
  get pauseMs(): number {
    return this.failed === 0 || this.since !== null ? 0 : Math.max(0, this.due - performance.now())
  }

  get hasFailed(): boolean {
    return this.failed > 0
  }

  /** The epoch stood still for too long: what it waits for may be under way yet. */
  get stoodStill(): boolean {
    return this.still
  }

  /** The epoch does something. */
  turn(): void {
    this.moved = performance.now()
  }

  /** A checkpoint is due. */
  begin(): void {
    this.since ??= performance.now()
  }

  get overdue(): boolean {
    return (this.lateMs ?? 0) >= this.options.rails.timeoutMs
  }

  /** It waits for records. */
  rest(): void {
    this.moved = Infinity
  }

  /** Counts the checkpoint as failed. Throws `CheckpointsFailed` beyond the tolerated number. */
  giveUp(reason: string, cause?: unknown): void {
    this.failed++
    this.since = null
    this.due = performance.now() + this.intervalMs
    const failed = this.failure(reason, cause)
    const { tolerableFailures } = this.options.rails
    if (tolerableFailures !== null && this.failed > tolerableFailures) throw failed
    this.options.tell(failed)
  }

  /** `work` with a signal that aborts with `signal`, or when the checkpoint has taken too long. */
  async inTime<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.begin()
    if (this.options.rails.timeoutMs === Infinity) return work(signal)
    const limit = new AbortController()
    const end = (): void => limit.abort()
    const { timeoutMs } = this.options.rails
    const late = (): void => {
      // Timers may strike a little early.
      this.since = Math.min(this.since ?? Infinity, performance.now() - timeoutMs)
      end()
    }
    const timer = setTimeout(late, Math.max(0, timeoutMs - (this.lateMs ?? 0)))
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    this.rest()
    try {
      return await work(limit.signal)
    } finally {
      this.turn()
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }

  /** The same, again and again where nothing can be done meanwhile: each time that it takes too long counts. */
  async again<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.inTime(signal, work)
      } catch (error) {
        if (signal.aborted || !this.overdue || !(error instanceof StateBackendUnavailable)) throw error
        this.giveUp(error.message, error)
      }
    }
  }

  /**
   * Waits for an epoch, but not for one that stands still while a checkpoint is due: nothing can be done beside what it
   * waits for. Throws `CheckpointsFailed` then.
   */
  async watch<T>(epoch: Promise<T>): Promise<T> {
    if (this.options.rails.timeoutMs === Infinity) return epoch
    let timer: NodeJS.Timeout | undefined
    const standstill = new Promise<never>((_, reject) => {
      let seen = -1
      const look = (): void => {
        const leftMs = Math.max(this.moved, this.due) + this.standstillMs - performance.now()
        if (leftMs <= 0 && this.moved === seen) {
          this.still = true
          this.failed++
          reject(this.failure('a sink did not answer'))
          return
        }
        // A worker that was blocked gives the epoch its turn before it is judged.
        seen = this.moved
        timer = setTimeout(look, leftMs <= 0 ? SECOND_LOOK_MS : Math.min(leftMs, this.standstillMs, LONGEST_TIMER_MS))
        timer.unref()
      }
      look()
    })
    try {
      return await Promise.race([epoch, standstill])
    } finally {
      clearTimeout(timer)
    }
  }

  /** All the checkpoints that may fail yet would fail meanwhile. */
  private get standstillMs(): number {
    const { timeoutMs, tolerableFailures } = this.options.rails
    if (tolerableFailures === null) return Math.max(timeoutMs, STANDSTILL_MS)
    return timeoutMs * Math.max(1, tolerableFailures + 1 - this.failed)
  }

  private failure(reason: string, cause?: unknown): CheckpointsFailed {
    const { pipeline, stage, partition } = this.options.task
    const { timeoutMs, tolerableFailures } = this.options.rails
    const { epoch, failed } = this
    return new CheckpointsFailed(
      { pipeline, stage, partition, epoch, failed, tolerableFailures, timeoutMs, reason },
      cause,
    )
  }
}
