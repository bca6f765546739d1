import { setTimeout as sleep } from 'node:timers/promises'
import { PartitionsLost, type SourcePlace, SourceUnavailable } from '../../errors/source.js'
import { failureOf, PassingFailure } from './failure.js'

/** Milliseconds. */
export interface PatienceLimits {
  /** How long failures in a row are taken as passing. */
  readonly unavailableMs: number
  /** How long the topic or partition may be missing: brokers that restart don't know all topics at once. */
  readonly missingMs: number
}

const defaultLimits: PatienceLimits = { unavailableMs: 10_000, missingMs: 5_000 }

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

/** Waits out failures that may pass, and decides when they have lasted too long. */
export class Patience {
  private readonly place: SourcePlace
  private readonly limits: PatienceLimits
  /** As `performance.now()`: when the attempt under way should have had its answer. */
  private dueAt = performance.now()
  private failingSince: number | null = null
  private missingSince: number | null = null
  private pauseMs = FIRST_PAUSE_MS

  constructor(place: SourcePlace, limits: PatienceLimits = defaultLimits) {
    this.place = place
    this.limits = limits
  }

  /** An attempt begins. What it takes beyond `holdMs` counts as failing, if it fails. */
  begin(holdMs = 0): void {
    this.dueAt = performance.now() + holdMs
  }

  /** It works again. */
  reset(): void {
    this.failingSince = null
    this.missingSince = null
    this.pauseMs = FIRST_PAUSE_MS
  }

  /**
   * Sleeps until it is time to try again, or until `deadline` (as `performance.now()`) if that comes first. Throws what
   * `thrown` comes to if it can't pass or has lasted too long, and the reason of `signal` when that aborts.
   */
  async wait(thrown: unknown, signal: AbortSignal, deadline = Infinity): Promise<void> {
    signal.throwIfAborted()
    const failure = failureOf(thrown, this.place)
    if (!(failure instanceof PassingFailure)) throw failure
    const now = performance.now()
    this.failingSince ??= Math.min(now, this.dueAt)
    this.missingSince = failure.found === null ? null : (this.missingSince ?? now)
    if (failure.found !== null && this.missingSince !== null && now - this.missingSince >= this.limits.missingMs)
      throw new PartitionsLost({ ...this.place, found: failure.found }, failure)
    const forMs = Math.round(now - this.failingSince)
    if (forMs >= this.limits.unavailableMs) throw new SourceUnavailable({ ...this.place, forMs }, failure)
    const pause = this.pauseMs * (0.5 + Math.random() / 2)
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS)
    await sleep(Math.max(0, Math.min(pause, deadline - now)), undefined, { signal }).catch(() =>
      signal.throwIfAborted(),
    )
  }
}

/** Tries until it works, with the patience of its own. */
export async function persist<T>(place: SourcePlace, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  const patience = new Patience(place)
  for (;;) {
    patience.begin()
    try {
      return await attempt()
    } catch (error) {
      await patience.wait(error, signal)
    }
  }
}
