import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Position } from '../definition/position.js'
import type { SourceBatch, SourceRecord } from '../definition/source.js'
import type { Problem } from '../protocol/checkpoint.js'
import type { BadRecords } from './bad-records.js'
import type { Calls } from './calls.js'
import { Grace } from './grace.js'
import { DECODE_MS, inTime } from './in-time.js'
import type { Input } from './input.js'
import { Passage } from './passage.js'
import type { Session } from './session.js'
import { SLICE_MS, type Slice, type Slicer } from './slicer.js'
import type { Traversal } from './traversal.js'

/** For so long records are taken; then what is under way comes to its end, so that there can be a commit. */
const TAKING_MS = 200
/** Records under way at once at most: each keeps what has come of it. */
const MOST_UNDER_WAY = 1_000
/** The same, where some of its calls can't be made before its turn: no more than can be had to be taken again. */
const MOST_IN_TURN = 64

/**
 * Of stages with functions that are waited for: records are on their way side by side, and reach steps with state and the
 * outlets one after the other, whole, in their order. No call is under way between two slices.
 */
export class AsyncSlicer implements Slicer {
  read = 0
  private readonly session: Session
  private readonly calls: Calls
  private readonly badRecords: BadRecords

  constructor(session: Session, calls: Calls, badRecords: BadRecords) {
    this.session = session
    this.calls = calls
    this.badRecords = badRecords
  }

  /** Such stages have one source, so it is always its turn. */
  async slice(input: Input, batch: SourceBatch<unknown>, halt: Position | null): Promise<Slice> {
    const run = new SliceRun(this.session, input, this.calls, this.badRecords, batch.records, halt)
    try {
      return await run.run()
    } finally {
      this.read += run.through
      this.calls.giveUp(new Error('the result of this call is not wanted any more'))
    }
  }
}

class SliceRun {
  /** Records that have been through the steps, bad ones included. */
  through = 0
  private readonly session: Session
  private readonly input: Input
  private readonly calls: Calls
  private readonly badRecords: BadRecords
  private readonly records: readonly SourceRecord<unknown>[]
  private readonly halt: Position | null
  private readonly underWay: Traversal[] = []
  private readonly began = performance.now()
  private readonly first: number
  private yielded = performance.now()
  private taken = 0
  private halted = false
  /** Of the first that is under way, once it is its turn. */
  private passage: Passage | null = null
  /** Some record's turn had to wait for calls of its own: others have to wait for that. */
  private takesTurns = false
  private readonly grace: Grace

  constructor(
    session: Session,
    input: Input,
    calls: Calls,
    badRecords: BadRecords,
    records: readonly SourceRecord<unknown>[],
    halt: Position | null,
  ) {
    this.session = session
    this.input = input
    this.calls = calls
    this.badRecords = badRecords
    this.records = records
    this.halt = halt
    this.first = input.cursor
    this.grace = new Grace(session)
  }

  async run(): Promise<Slice> {
    const { session, underWay } = this
    for (;;) {
      session.abort.signal.throwIfAborted()
      const bad = await this.finishDone()
      if (bad !== null) return this.end(bad)
      const record = this.next()
      if (record !== undefined) await this.take(record)
      else if (underWay.length === 0 || this.isEnough || this.grace.isOver()) return this.end(null)
      else await session.bell.wait(this.grace.patienceMs)
      if (performance.now() - this.yielded > SLICE_MS) {
        await nextTurn()
        this.yielded = performance.now()
      }
    }
  }

  /** The next record, if one may be taken now. */
  private next(): SourceRecord<unknown> | undefined {
    const { input, halt, underWay, calls } = this
    const record = this.records[this.first + this.taken]
    const most = calls.takesTurns ? MOST_IN_TURN : MOST_UNDER_WAY
    if (record === undefined || this.halted || !calls.hasRoom || underWay.length >= most) return undefined
    if (this.grace.isAsked || this.isLate) return undefined
    if (halt !== null && input.compare(record.position, halt) >= 0) this.halted = true
    return this.halted ? undefined : record
  }

  private async take(record: SourceRecord<unknown>): Promise<void> {
    const { session, input, calls } = this
    const { flow, at, abort } = session
    const traversal = calls.begin(record)
    this.underWay.push(traversal)
    this.taken++
    let value: unknown
    try {
      value = calls.user(-1, () => input.definition.decode(record))
      if (value instanceof Promise) value = await inTime(value, DECODE_MS, abort.signal)
    } catch (error) {
      abort.signal.throwIfAborted()
      traversal.root.fail(error, -1)
      return
    }
    // Others may have been on their way meanwhile.
    calls.enter(traversal.root)
    try {
      calls.user(-1, () => input.push(value, flow))
    } catch (error) {
      traversal.root.fail(error, at[0] ?? -1)
    }
  }

  /** The first of those under way have their turns, as far as they are done; the problem of a bad one. */
  private async finishDone(): Promise<Problem | null> {
    const { session, underWay } = this
    for (let head = underWay[0]; head?.done === true; head = underWay[0]) {
      if (this.isEnough) return null
      const end = this.finish(head)
      if (end === 'waits') continue
      if (end !== null) return end
      underWay.shift()
      this.through++
      this.input.position = head.record.next
      // What is held back while catching up can't be settled, and was this crowded once already.
      if (session.catchUp.active || !session.crowd.isFull) continue
      for (const outlet of session.outlets) outlet.seal()
      await session.crowd.settle(session.abort.signal)
    }
    return null
  }

  private finish(traversal: Traversal): Problem | 'waits' | null {
    const { session, calls, badRecords } = this
    const { record } = traversal
    this.passage ??= new Passage(session, calls, traversal)
    const { passage } = this
    try {
      if (!passage.advance()) {
        this.takesTurns = true
        calls.takesTurns = true
        return 'waits'
      }
      this.passage = null
      return null
    } catch (error) {
      session.abort.signal.throwIfAborted()
      this.passage = null
      calls.enter(traversal.root)
      return passage.late ? badRecords.late(error, record) : badRecords.handle(error, record)
    }
  }

  private get isLate(): boolean {
    return performance.now() - this.began > TAKING_MS
  }

  /**
   * Turns take long: it is time for a commit, and those that haven't had theirs can do without. Nobody has asked in vain: all
   * calls are back, and what they have come to is known when their records are taken again.
   */
  private get isEnough(): boolean {
    return this.takesTurns && this.passage === null && this.isLate && this.underWay.every(({ done }) => done)
  }

  /** The session stands behind the last record that has been through; those still under way are taken again. */
  private end(bad: Problem | null): Slice {
    const { input, first, through } = this
    input.cursor = first + through
    const head = this.underWay[0]
    if (head !== undefined) input.position = head.record.position
    if (head !== undefined && this.passage !== null) {
      this.passage.end()
      this.badRecords.takeBack(head.record)
    }
    const halted = this.halted && head === undefined
    return { consumed: input.cursor >= this.records.length, halted, bad }
  }
}
