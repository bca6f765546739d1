import type { KeyOf } from '../definition/context.js'
import type { Headers } from '../definition/headers.js'
import type { Origin } from '../definition/sink.js'
import type { StatefulContext, StateHandle, TimerContext } from '../definition/stateful-step.js'
import type { EventTime } from '../definition/marks.js'
import type { EpochMs } from '../units.js'
import type { KeyedState } from './keyed-state.js'
import type { Clock, StepFlow } from './step.js'
import type { StepTimers } from './step-timers.js'

/** The state of the key under way: one object per step, moved from key to key. */
export class KeyHandle implements StateHandle<unknown> {
  key = ''
  now: EpochMs = 0
  private readonly state: KeyedState
  private readonly init: () => unknown

  constructor(state: KeyedState, init: () => unknown) {
    this.state = state
    this.init = init
  }

  get(): never {
    const found = this.state.get(this.key, this.now)
    // The step's own type, which can't be told from here.
    return (found === undefined ? this.init() : found) as never
  }

  set(next: unknown): void {
    if (next === undefined) throw new TypeError('state cannot be undefined: use clear()')
    if (next instanceof Promise) throw new TypeError('state cannot be a promise')
    this.state.set(this.key, next, this.now)
  }

  clear(): void {
    this.state.delete(this.key)
  }
}

type Timer = TimerContext<unknown, EventTime>['timer']

/** `ctx` of a stateful step: the record's, with timers. One object per step. */
export class StepCtx implements StatefulContext<unknown, EventTime>, TimerContext<unknown, EventTime> {
  flow!: StepFlow
  /** Of the timer that fires. */
  timer!: Timer
  readonly timers: StepTimers
  private readonly clock: Clock

  constructor(timers: StepTimers, clock: Clock) {
    this.timers = timers
    this.clock = clock
  }

  get key(): KeyOf<unknown> {
    return this.flow.key
  }

  get timestamp(): EpochMs {
    return this.flow.timestamp
  }

  get headers(): Headers {
    return this.flow.headers
  }

  get origin(): Origin {
    return this.flow.origin
  }

  get now(): EpochMs {
    return this.flow.now
  }

  get watermark(): EpochMs {
    return this.clock.watermark
  }

  random(): number {
    return this.flow.random()
  }

  reject(reason: string, details?: Readonly<Record<string, unknown>>): never {
    return this.flow.reject(reason, details)
  }
}
