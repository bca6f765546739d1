import { ActivityFailure, ApplicationFailure, CancelledFailure, RetryState, TimeoutFailure } from '@temporalio/common'
import type { SimWorker } from '../sim-worker.js'
import type { ActivityCommand } from './execution.js'
import { plain } from './execution.js'
import type { SimRun } from './run.js'

/** Which activity of which run; one that a pipeline asks for has none. */
export type FlightCommand = Omit<ActivityCommand, 'kind'> & { readonly run?: SimRun }

export type Settled = { readonly value: unknown } | { readonly error: Error }

/** An activity under way, as the server sees it: the first outcome counts, whatever the worker still does. */
export class Flight {
  readonly command: FlightCommand
  readonly abort = new AbortController()
  worker: SimWorker | null = null
  begun = false
  done = false
  private readonly settled: (outcome: Settled) => void

  constructor(command: FlightCommand, settled: (outcome: Settled) => void) {
    this.command = command
    this.settled = settled
  }

  get name(): string {
    return this.command.type.replace('tidemark.', '')
  }

  settle(outcome: Settled): void {
    if (this.done) return
    this.done = true
    this.settled(outcome)
  }

  /** The server gives it up. */
  timeOut(kind: 'HEARTBEAT' | 'SCHEDULE_TO_START' | 'START_TO_CLOSE'): void {
    this.fail(new TimeoutFailure(`activity ${kind} timeout`, undefined, kind))
  }

  cancelled(): void {
    this.fail(new CancelledFailure('cancelled before it began'))
  }

  /** What the worker has thrown, as a workflow gets it. */
  fail(thrown: unknown): void {
    this.settle({ error: this.failure(thrown) })
  }

  private failure(thrown: unknown): ActivityFailure {
    const isKnown =
      thrown instanceof TimeoutFailure || thrown instanceof CancelledFailure || thrown instanceof ApplicationFailure
    const cause = isKnown ? thrown : ApplicationFailure.fromError(thrown)
    if (cause instanceof ApplicationFailure && cause.details != null) {
      Object.assign(cause, { details: plain(cause.details) })
    }
    const retry = RetryState.MAXIMUM_ATTEMPTS_REACHED
    return new ActivityFailure('Activity task failed', this.command.type, undefined, retry, undefined, cause)
  }
}
