import type { Problem } from '../protocol/checkpoint.js'
import type { EpochInput } from '../protocol/epoch.js'
import type { BadRecords } from './bad-records.js'
import type { Session } from './session.js'

/** Timers that are set into the past must not make epochs without length. */
const SHORTEST_MS = 1_000

/** What an epoch does without a record: at its start by the wall clock, and at the end of a bounded run by event time. */
export class Timed {
  /** What was due at the epoch's start has happened. */
  started = false
  /** What waited for event time has happened. */
  ended = false
  private readonly session: Session
  private readonly input: EpochInput
  private readonly badRecords: BadRecords

  constructor(session: Session, input: EpochInput, badRecords: BadRecords) {
    this.session = session
    this.input = input
    this.badRecords = badRecords
  }

  /** So long after its start an epoch without records ends, so that the next can do what is due by then; Infinity: never. */
  get dueMs(): number {
    const { nextDue } = this.session.time
    return nextDue === null ? Infinity : Math.max(SHORTEST_MS, nextDue - this.input.time)
  }

  /** Processing-time timers fire here and nowhere else. The problem to park with, or null. */
  start(): Problem | null {
    const { time, flow } = this.session
    if (!time.dueAt(this.input.time)) return null
    return this.happen(`t${this.input.epoch}-`, () => {
      this.started = true
      time.startEpoch(flow)
      time.settle(flow)
    })
  }

  end(): Problem | null {
    const { time, flow } = this.session
    if (this.ended || !time.hasEventTime) return null
    return this.happen('end-', () => {
      this.ended = true
      time.end(flow)
    })
  }

  /** Outputs get ids of their own, at the position that is next. */
  private happen(prefix: string, what: () => void): Problem | null {
    const { session } = this
    const { flow, states, outlets, at, first } = session
    const { position } = first
    session.turnTo(first)
    const nothing = { position, next: position, key: null, value: null }
    flow.enter(nothing, prefix)
    flow.prefix = prefix
    states.journal.forget()
    at[0] = -1
    session.host.stalls.enter(session.task)
    try {
      what()
    } catch (error) {
      session.abort.signal.throwIfAborted()
      this.started = false
      this.ended = false
      return this.badRecords.late(error, nothing)
    } finally {
      flow.prefix = ''
      session.host.stalls.leave()
    }
    for (const outlet of outlets) outlet.seal()
    return null
  }
}
