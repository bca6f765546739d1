import type { StepFlow } from '../steps/step.js'
import type { Calls } from './calls.js'
import type { Session } from './session.js'
import type { Traversal } from './traversal.js'

/** What happens once values that have waited are through, with a pause wherever calls may have to come back first. */
export type Happening = (flow: StepFlow) => Generator<void>

/**
 * The turn of a record among those that are under way: what has to see one record after the other sees this one, from its
 * first value to what time does behind it. Behind steps that are waited for that takes several turns, one for each time that
 * calls of its own have come back; no other record has its turn meanwhile, so all that it changes can be taken back.
 */
export class Passage {
  readonly traversal: Traversal
  /** What happens now does so by time: no record is to blame. */
  late = false
  private readonly session: Session
  private readonly calls: Calls
  private readonly prefix: string
  private what: Happening
  private happening: Generator<void> | null = null

  constructor(session: Session, calls: Calls, traversal: Traversal, byTime?: { prefix: string; what: Happening }) {
    this.session = session
    this.calls = calls
    this.traversal = traversal
    this.prefix = byTime?.prefix ?? ''
    this.what = byTime?.what ?? ((flow) => session.time.settling(flow))
    this.late = byTime !== undefined
    session.states.journal.forget()
  }

  /** False: calls of its own are to come back first. Throws what has failed; `session.step` is where. */
  advance(): boolean {
    try {
      for (;;) {
        if (!this.traversal.done) return false
        this.throwFailure()
        if (!this.traversal.root.empty) this.handOn()
        else if (!this.goOn()) {
          this.session.time.through()
          return true
        }
      }
    } catch (error) {
      this.end()
      throw error
    }
  }

  /** Nothing more comes of it: what it has done by now is to be taken back. */
  end(): void {
    this.traversal.over = true
    this.happening?.return(undefined)
  }

  private handOn(): void {
    const { traversal, calls, prefix } = this
    const parts = traversal.turn()
    calls.atTurn(traversal, prefix, (flow) => parts.emit(flow))
  }

  /** What time does behind it, as far as nothing has to be waited for. False: that is all. */
  private goOn(): boolean {
    const { traversal, calls, prefix, session, what } = this
    if (this.happening === null && !this.late && !session.time.unsettled) return false
    this.late = true
    let isMore = false
    traversal.turn()
    calls.atTurn(traversal, prefix, (flow) => {
      this.happening ??= what(flow)
      isMore = this.happening.next().done !== true
    })
    return isMore
  }

  /** Of its calls. */
  private throwFailure(): void {
    const { traversal, calls, session } = this
    const { failure } = traversal
    if (failure === null) return
    calls.enter(traversal.root)
    session.at[0] = failure.at
    throw failure.error
  }
}
