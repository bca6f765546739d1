import { Grace } from './grace.js'
import type { Problem } from '../protocol/checkpoint.js'
import type { EpochInput } from '../protocol/epoch.js'
import type { BadRecords } from './bad-records.js'
import type { Calls } from './calls.js'
import type { Flow } from './flow.js'
import { type Happening, Passage } from './passage.js'
import type { Session } from './session.js'

/** Timers that are set into the past must not make epochs without length. */
const SHORTEST_MS = 1_000

/** What became of it: nothing to tell, the problem to park with, or calls that a command or a shutdown can't wait for. */
type Outcome = Problem | 'given up' | null

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

  /** Processing-time timers fire here and nowhere else. */
  async start(): Promise<Outcome> {
    const { session, input } = this
    const { time } = session
    if (!time.dueAt(input.time)) return null
    const outcome = await this.happen(`t${input.epoch}`, {
      atOnce: (flow) => {
        time.startEpoch(flow)
        time.settle(flow)
      },
      inTurns: (flow) => time.starting(flow),
    })
    this.started = outcome === null
    return outcome
  }

  async end(): Promise<Outcome> {
    const { time } = this.session
    if (this.ended || !time.hasEventTime) return null
    const outcome = await this.happen('end', {
      atOnce: (flow) => time.end(flow),
      inTurns: (flow) => time.ending(flow),
    })
    this.ended = outcome === null
    return outcome
  }

  /** Outputs get ids of their own, at the position that is next. */
  private async happen(
    name: string,
    what: { readonly atOnce: (flow: Flow) => void; readonly inTurns: Happening },
  ): Promise<Outcome> {
    const { session } = this
    const { flow, states, outlets, at, first, calls } = session
    const { position } = first
    session.turnTo(first)
    const nothing = { position, next: position, key: null, value: null }
    states.journal.forget()
    at[0] = -1
    try {
      if (calls === null) this.atOnce(() => flow.enter(nothing, `${name}-`), name, what.atOnce)
      else if (!(await session.looks.during(() => this.inTurns(calls, nothing, name, what.inTurns)))) return 'given up'
    } catch (error) {
      session.abort.signal.throwIfAborted()
      return this.badRecords.late(error, nothing)
    }
    for (const outlet of outlets) outlet.seal()
    return null
  }

  private atOnce(enter: () => void, name: string, what: (flow: Flow) => void): void {
    const { flow, host, task } = this.session
    enter()
    flow.prefix = `${name}-`
    host.stalls.enter(task)
    try {
      what(flow)
    } finally {
      flow.prefix = ''
      host.stalls.leave()
    }
  }

  /** True: it has happened. Calls behind it have names that no record's have: no id begins so. */
  private async inTurns(calls: Calls, nothing: Nothing, name: string, what: Happening): Promise<boolean> {
    const { session, badRecords } = this
    const traversal = calls.begin(nothing, `~${name}`)
    const passage = new Passage(session, calls, traversal, { prefix: `${name}-`, what })
    const grace = new Grace(session)
    try {
      while (!passage.advance()) {
        if (grace.isOver()) {
          passage.end()
          badRecords.takeBack(nothing)
          return false
        }
        await session.bell.wait(grace.patienceMs)
        session.abort.signal.throwIfAborted()
      }
      return true
    } finally {
      calls.giveUp(new Error('the result of this call is not wanted any more'))
    }
  }
}

interface Nothing {
  readonly position: string
  readonly next: string
  readonly key: null
  readonly value: null
}
