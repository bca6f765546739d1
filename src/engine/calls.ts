import type { SourceRecord } from '../definition/source.js'
import type { StageRuntime } from '../steps/compile-stage.js'
import type { LaneMaker, Push } from '../steps/step.js'
import type { Origin } from '../definition/sink.js'
import type { Answers } from './answers.js'
import type { Bell } from './bell.js'
import type { CallOf, Ending } from './call.js'
import type { CheckpointGuard } from './checkpoint-guard.js'
import type { Flow } from './flow.js'
import type { EngineHost } from './host.js'
import { Lane } from './lane.js'
import { type Frame, Traversal } from './traversal.js'

/** Names in a session what the stages with functions that are waited for need of it. */
export interface CallsOf {
  readonly flow: Flow
  readonly keyOf: CallOf['keyOf']
  readonly at: Int32Array
  readonly stalls: EngineHost['stalls']
  /** The number of the task for `stalls`. */
  readonly task: number
  readonly bell: Bell
  readonly guard: Pick<CheckpointGuard, 'turn'>
  /** Null: what a call comes to is for this attempt only. */
  readonly answers: Answers | null
}

/**
 * The lanes of a session and the records on their way through them. The session's one context is moved to and fro between
 * records; what comes of each is kept, in order, until all of it is there.
 */
export class Calls {
  /** Of what runs just now. */
  frame!: Frame
  /** Some calls can't be made before it is their record's turn. */
  takesTurns = false
  /** Calls that are under way, to be ended. */
  readonly endings = new Set<Ending>()
  private readonly parts: CallsOf
  private readonly lanes: Lane[] = []
  private inUser = false
  /** It is the turn of the frame's record: what takes values in the order of records takes them at once. */
  private live = false

  constructor(parts: CallsOf) {
    this.parts = parts
  }

  /** What steps are compiled with in place of a runtime whose sinks lead to the outlets. */
  runtime(runtime: StageRuntime): StageRuntime {
    const sinks = Object.entries(runtime.sinks).map(([id, end]) => [id, this.inOrder(end)] as const)
    return { ...runtime, sinks: Object.fromEntries(sinks), lane: this.lane, inOrder: this.inOrder }
  }

  private readonly inOrder = (end: Push): Push => {
    return (value, ctx) => {
      if (this.live) end(value, ctx)
      else this.frame.keep(end, value, this.parts.flow)
    }
  }

  private readonly lane: LaneMaker = (spec, out) => {
    const lane = new Lane(spec, out, this)
    this.lanes.push(lane)
    return (value) => lane.push(value)
  }

  /** Whether another record's calls could begin at once. */
  get hasRoom(): boolean {
    return !this.lanes.some((lane) => lane.full)
  }

  /** What runs from now on belongs there. */
  enter(frame: Frame): void {
    this.frame = frame
    const { flow } = this.parts
    const { record, turns } = frame.traversal
    // Numbers that were drawn before its turn are not drawn again.
    flow.enter(record, turns === 0 ? frame.path : `${frame.path}!${turns}`)
    frame.enter(flow)
  }

  /** What happens in the order of records, at the turn of this one: values that have waited for it, and what has them go on. */
  atTurn(traversal: Traversal, prefix: string, what: (flow: Flow) => void): void {
    const { flow } = this.parts
    this.enter(traversal.root)
    flow.prefix = prefix
    this.live = true
    try {
      this.user(-1, () => what(flow))
    } finally {
      this.live = false
      flow.prefix = ''
    }
  }

  /** The place of a call that what runs just now makes. */
  child(step: string): Frame {
    return this.frame.child(step, this.parts.flow)
  }

  begin(record: SourceRecord<unknown>, path = ''): Traversal {
    const traversal = new Traversal(record, path)
    this.enter(traversal.root)
    return traversal
  }

  /**
   * Nothing more comes of it, or of its record. Where what calls come to is kept all of them are made: which failed first would
   * be another one the next time, and with it what the record came to.
   */
  isOver({ failed, traversal }: Frame): boolean {
    return failed || traversal.over || (traversal.failed && this.parts.answers === null)
  }

  /** The result of a call goes on through the steps, unless it has failed or its record is bad already. */
  resume(frame: Frame, index: number, out: Push, result: unknown): void {
    const { at, flow } = this.parts
    const { traversal } = frame
    if (!this.isOver(frame)) {
      this.enter(frame)
      try {
        this.user(index, () => out(result, flow))
      } catch (error) {
        frame.fail(error, at[0] ?? index)
      }
    }
    traversal.pending--
  }

  /** Something has come back: there is room for more, or a record is done. What brings many to a call doesn't stand still. */
  changed(): void {
    this.parts.guard.turn()
    this.parts.bell.ring()
  }

  get answers(): Answers | null {
    return this.parts.answers
  }

  /** Where a record is, as its errors say it. */
  at({ traversal }: Frame): { readonly pipeline: string; readonly stage: string; readonly origin: Origin } {
    const { pipeline, stage, source, partition } = this.parts.flow.place
    return { pipeline, stage, origin: { source, partition, position: traversal.record.position } }
  }

  of(frame: Frame, value: unknown): CallOf {
    const { traversal, path } = frame
    const { record } = traversal
    const { flow, keyOf } = this.parts
    const { place, now } = flow
    const { pipeline, stage, source, partition } = place
    // The format of item ids: it is what services dedupe by, never change it.
    const idempotencyKey = `${pipeline}/${stage}/${source}-${partition}-${record.position}${path}`
    return { place, keyOf, record, now, value, idempotencyKey, giveKey: (to) => frame.enter(to) }
  }

  /** Runs user code, the part of it that isn't waited for: named, should it block. */
  user<R>(index: number, code: () => R): R {
    const { at, stalls, task } = this.parts
    at[0] = index
    if (this.inUser) return code()
    this.inUser = true
    stalls.enter(task)
    try {
      return code()
    } finally {
      stalls.leave()
      this.inUser = false
    }
  }

  /** Ends all calls under way with that reason. What they come to is nobody's. */
  giveUp(reason: unknown): void {
    for (const lane of this.lanes) lane.giveUp()
    for (const ending of this.endings) {
      this.endings.delete(ending)
      ending.end(reason)
    }
  }
}
