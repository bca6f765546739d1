import type { Timers } from '../definition/stateful-step.js'
import type { EventTime } from '../definition/marks.js'
import { pairKey, pairOf } from '../state/pair-key.js'
import type { StateTable, TableOptions } from '../state/table.js'
import type { EpochMs } from '../units.js'
import type { StepRuntime } from './step.js'

export type TimerClock = 'event' | 'processing'

/** A timer that is due. */
export interface DueTimer {
  readonly key: string
  readonly name: string
  readonly at: EpochMs
  readonly clock: TimerClock
}

/** Timers of a stateful step, of all its keys: a table for each clock, by key and name. */
export class StepTimers implements Timers<EventTime> {
  /** Whose timers are set. */
  key = ''
  private readonly tables: Readonly<Record<TimerClock, StateTable<EpochMs>>>
  private readonly timed: boolean
  /** While timers fire: the clock they go by, and what those set that have to wait for the next round. */
  private round: TimerClock | undefined
  private firing: EpochMs = -Infinity
  private readonly waiting = new Map<string, EpochMs>()

  constructor(runtime: Pick<StepRuntime, 'table'>, timed: boolean) {
    // Timers are the same in all versions of the step's state.
    const options: TableOptions<EpochMs> = {
      due: (at) => at,
      migrate: (old) => old as EpochMs,
      moves: { by: 'key', of: (timer) => pairOf(timer)[0] },
      parts: pairOf,
    }
    this.tables = {
      event: runtime.table<EpochMs>('event-timers', options),
      processing: runtime.table<EpochMs>('processing-timers', options),
    }
    this.timed = timed
  }

  atEventTime(name: string, at: EpochMs): void {
    if (!this.timed) throw new TypeError('there is no event time here: call .eventTime(id, timestamp, options) first')
    this.set('event', name, at)
  }

  atProcessingTime(name: string, at: EpochMs): void {
    this.set('processing', name, at)
  }

  cancel(name: string): void {
    this.remove(pairKey(this.key, name))
  }

  get nextProcessing(): EpochMs | null {
    return this.tables.processing.nextDue
  }

  /**
   * Takes out all timers due by `time` and calls `fire` for each, in the order of (time, key, name). One that is set
   * meanwhile is among them if it is later than the one that set it, and `time` is no end of everything or epoch's start.
   */
  fire(clock: TimerClock, time: EpochMs, fire: (timer: DueTimer) => void): void {
    const table = this.tables[clock]
    let due = table.firstDueBy(time)
    if (due === undefined) return
    this.waiting.clear()
    this.round = clock
    // At the end of a bounded run any time has come, and an epoch's start is a single moment.
    const once = time === Infinity || clock === 'processing'
    try {
      for (; due !== undefined; due = table.firstDueBy(time)) {
        this.firing = once ? time : due.at
        table.delete(due.key)
        const [key, name] = pairOf(due.key)
        this.key = key
        fire({ key, name, at: due.at, clock })
      }
    } finally {
      this.round = undefined
    }
    for (const [timer, at] of this.waiting) table.set(timer, at)
  }

  private set(clock: TimerClock, name: string, at: EpochMs): void {
    if (typeof name !== 'string') throw new TypeError('the name of a timer must be a text')
    if (typeof at !== 'number' || !Number.isFinite(at)) {
      throw new TypeError(`timer '${name}' needs a time in ms since 1970`)
    }
    const timer = pairKey(this.key, name)
    const due = Math.ceil(at) + 0
    if (clock === this.round && due <= this.firing) {
      this.remove(timer)
      this.waiting.set(timer, due)
      return
    }
    if (this.round !== undefined) this.waiting.delete(timer)
    this.tables[clock === 'event' ? 'processing' : 'event'].delete(timer)
    this.tables[clock].set(timer, due)
  }

  private remove(timer: string): void {
    this.tables.event.delete(timer)
    this.tables.processing.delete(timer)
    if (this.round !== undefined) this.waiting.delete(timer)
  }
}
