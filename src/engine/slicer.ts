import type { Position } from '../definition/position.js'
import type { SourceBatch, SourceRecord } from '../definition/source.js'
import type { Problem } from '../protocol/checkpoint.js'
import type { BadRecords } from './bad-records.js'
import { DECODE_MS, inTime } from './in-time.js'
import type { Input } from './input.js'
import type { Session } from './session.js'
import { isBehind, type Limit } from './turns.js'

/** Heartbeats and other tasks share the event loop: it is given back that often. */
export const SLICE_MS = 20
/** The clock is read after the 1st, 2nd, 4th … record of a slice, and once in so many from then on. */
const CLOCK_EVERY = 32

/** What a slice of a batch came to; its source stands behind it. */
export interface Slice {
  /** Nothing of the batch is left. */
  readonly consumed: boolean
  /** It ended before a record at or behind the halt. */
  readonly halted: boolean
  /** It ended before a bad record that the task has to park with. */
  readonly bad: Problem | null
}

/** Takes records through the steps, a slice of time at a time. */
export interface Slicer {
  /** Records of this epoch so far that have been through the steps. */
  readonly read: number
  /** From the source's cursor on, up to the position `halt` where there is one, as long as it is its turn. */
  slice(input: Input, batch: SourceBatch<unknown>, halt: Position | null, limit: Limit | null): Promise<Slice>
}

/** Of stages whose steps wait for nothing. */
export class SyncSlicer implements Slicer {
  read = 0
  private readonly session: Session
  private readonly badRecords: BadRecords

  constructor(session: Session, badRecords: BadRecords) {
    this.session = session
    this.badRecords = badRecords
  }

  /**
   * Records through the steps, in order, for a slice of time. The hot path: nothing is allocated or awaited per record
   * that user code did not ask for.
   */
  async slice(input: Input, batch: SourceBatch<unknown>, halt: Position | null, limit: Limit | null): Promise<Slice> {
    const { session } = this
    const { flow, at, host, states, time } = session
    const { push, compare } = input
    const { journal } = states
    const { decode } = input.definition
    const { records } = batch
    const began = performance.now()
    const first = input.cursor
    session.turnTo(input)
    let i = first
    let last: SourceRecord<unknown> | undefined
    let halted = false
    let bad: Problem | null = null
    let look = first
    // What is held back while catching up can't be settled, and was this crowded once already.
    const crowd = session.catchUp.active || !session.crowd.exists ? null : session.crowd
    host.stalls.enter(session.task)
    try {
      for (; i < records.length; i++) {
        const record = records[i]
        if (record === undefined) continue
        if (halt !== null && compare(record.position, halt) >= 0) {
          halted = true
          break
        }
        if (limit !== null && isBehind(record, limit)) break
        flow.begin(record)
        journal.forget()
        at[0] = -1
        let through = false
        try {
          const value = decode(record)
          push(value instanceof Promise ? await inTime(value, DECODE_MS, session.abort.signal) : value, flow)
          through = true
          time.settle(flow)
        } catch (error) {
          session.abort.signal.throwIfAborted()
          bad = through ? this.badRecords.late(error, record) : this.badRecords.handle(error, record)
          if (bad !== null) break
        }
        last = record
        if (crowd?.isFull === true) {
          i++
          break
        }
        if (i < look) continue
        if (performance.now() - began > SLICE_MS) {
          i++
          break
        }
        look = i + Math.min(i - first + 1, CLOCK_EVERY)
      }
    } finally {
      host.stalls.leave()
    }
    this.read += i - first
    input.cursor = i
    if (last !== undefined) input.position = last.next
    if (bad !== null) input.position = records[i]?.position ?? input.position
    return { consumed: i >= records.length, halted, bad }
  }
}
