import type { SourceRecord } from '../definition/source.js'
import type { RecordError } from '../errors/families.js'
import { NonDeterministicStep } from '../errors/sink.js'
import { PlanIncompatible } from '../errors/state.js'
import type { Problem } from '../protocol/checkpoint.js'
import { Unreadable } from '../state/keepable.js'
import { deadLetterOf, problemOf, recordErrorOf, verdictOn } from './bad-record.js'
import type { Session } from './session.js'

/** What becomes of the bad records of one epoch, and how many there were. */
export class BadRecords {
  skipped = 0
  deadLettered = 0
  private readonly session: Session
  private readonly epoch: number

  constructor(session: Session, epoch: number) {
    this.session = session
    this.epoch = epoch
  }

  /**
   * Takes the outputs of the record under way back and does as `onError` says; the problem to park with, or null to go on.
   * `session.step` has to be where it failed.
   */
  handle(thrown: unknown, record: SourceRecord<unknown>): Problem | null {
    this.refuseState(thrown)
    const { session } = this
    const { blueprint, flow, host } = session
    const { onError } = blueprint
    this.takeBack(record)
    const error = recordErrorOf(thrown, flow, session.step)
    const step = error.code === 'DecodeFailed' ? null : session.step
    let verdict: ReturnType<typeof verdictOn>
    try {
      verdict = verdictOn(onError, error, flow, step)
      if (verdict === 'deadLetter') session.deadLetters?.(deadLetterOf(error, flow, step), flow)
    } catch (failure) {
      // What decides on bad records, and the encoder of dead letters, are users' code too.
      this.takeBack(record)
      return this.failing(recordErrorOf(failure, flow, onError.kind === 'deadLetter' ? onError.id : step))
    }
    if (verdict === 'fail') return this.failing(error)
    if (verdict === 'deadLetter') this.deadLettered++
    else {
      this.skipped++
      host.log.warn(error.message, { code: error.code, skipped: true })
    }
    return null
  }

  /**
   * The same for what failed by time, behind `record`: no other record could be blamed for it, so the task parks before
   * this one, whatever `onError` says.
   */
  late(thrown: unknown, record: SourceRecord<unknown>): Problem {
    this.refuseState(thrown)
    const { flow, step } = this.session
    this.takeBack(record)
    return this.failing(recordErrorOf(thrown, flow, step))
  }

  /** State that a step can't read is no fault of the record that asked for it: none is skipped for that. */
  private refuseState(thrown: unknown): void {
    if (!(thrown instanceof Unreadable)) return
    const { pipeline, stage, partition } = this.session.claim
    throw new PlanIncompatible({ pipeline, stage, partition, steps: [thrown.message] }, thrown)
  }

  /** As if the record had not come. */
  takeBack(record: SourceRecord<unknown>): void {
    const { outlets, states, time } = this.session
    for (const outlet of outlets) outlet.rollback(record)
    states.journal.rollback()
    time.forget()
  }

  private failing(error: RecordError): Problem {
    const { catchUp, host } = this.session
    // An earlier attempt got past this record and has committed so.
    if (catchUp.active) throw this.differs(error)
    host.log.warn(error.message, { code: error.code })
    return problemOf(error, Date.now())
  }

  private differs(cause: Error): NonDeterministicStep {
    const { claim, catchUp, ledgers } = this.session
    const { pipeline, stage, partition } = claim
    const positions = catchUp.next ?? {}
    const sink = ledgers.map((ledger) => ledger.id).join(',')
    const expected = 'an epoch without this failure'
    const found = cause.message
    const details = { pipeline, stage, partition, sink, epoch: this.epoch, positions, expected, found }
    return new NonDeterministicStep(details, cause)
  }
}
