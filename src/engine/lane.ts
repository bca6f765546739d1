import type { LaneSpec, Push } from '../steps/step.js'
import { reasonOf } from '../errors/base.js'
import { RecordError } from '../errors/families.js'
import { StepFailed } from '../errors/record.js'
import { callUntilDone } from './call.js'
import type { Calls } from './calls.js'
import type { Frame } from './traversal.js'

/** A value in a lane. */
interface Waiting {
  readonly frame: Frame
  readonly value: unknown
  settled: boolean
  result: unknown
  next: Waiting | null
}

/** The way through one function that is waited for: calls side by side, results in the order of their values. */
export class Lane {
  private readonly spec: LaneSpec
  private readonly out: Push
  private readonly calls: Calls
  /** In order: the first whose result isn't taken on, the last, and the first that isn't called yet. */
  private head: Waiting | null = null
  private tail: Waiting | null = null
  private idle: Waiting | null = null
  private underWay = 0
  /** Changes when all is given up: what comes back later is nobody's. */
  private round = 0

  constructor(spec: LaneSpec, out: Push, calls: Calls) {
    this.spec = spec
    this.out = out
    this.calls = calls
  }

  /** A value that would have to wait for its call: no more records are taken meanwhile. */
  get full(): boolean {
    return this.idle !== null
  }

  push(value: unknown): void {
    const frame = this.calls.child(this.spec.id)
    frame.traversal.pending++
    const waiting: Waiting = { frame, value, settled: false, result: undefined, next: null }
    if (this.tail === null) this.head = waiting
    else this.tail.next = waiting
    this.tail = waiting
    this.idle ??= waiting
    this.begin()
  }

  /** What is under way is nobody's any more. */
  giveUp(): void {
    this.head = null
    this.tail = null
    this.idle = null
    this.underWay = 0
    this.round++
  }

  private begin(): void {
    while (this.idle !== null && this.underWay < this.spec.concurrency) {
      const waiting = this.idle
      this.idle = waiting.next
      // Of a record that is bad already nothing more is asked.
      if (this.calls.isOver(waiting.frame)) waiting.settled = true
      else void this.call(waiting)
    }
  }

  private async call(waiting: Waiting): Promise<void> {
    const { calls, spec, round } = this
    const { frame, value } = waiting
    this.underWay++
    try {
      waiting.result = await calls.user(spec.index, () => this.ask(frame, value))
    } catch (error) {
      if (round === this.round) frame.fail(error, spec.index)
    }
    if (round !== this.round) return
    waiting.settled = true
    this.underWay--
    this.begin()
    this.deliver()
    calls.changed()
  }

  private ask(frame: Frame, value: unknown): Promise<unknown> {
    const { calls, spec, round } = this
    const ask = (): Promise<unknown> => callUntilDone(spec, calls.of(frame, value), calls.endings)
    const { answers } = calls
    if (answers === null) return ask()
    const errorOf = (thrown: unknown): RecordError => {
      if (thrown instanceof RecordError) return thrown
      return new StepFailed({ ...calls.at(frame), step: spec.id, reason: reasonOf(thrown) }, thrown)
    }
    const { path, traversal } = frame
    return answers.of({ name: traversal.record.position + path, ask, errorOf }, () => round === this.round)
  }

  private deliver(): void {
    while (this.head?.settled === true) {
      const { frame, result, next } = this.head
      this.head = next
      if (next === null) this.tail = null
      this.calls.resume(frame, this.spec.index, this.out, result)
    }
  }
}
