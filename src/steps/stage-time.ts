import type { StateTable, TableOptions } from '../state/table.js'
import type { EpochMs } from '../units.js'
import type { ChannelClock } from './channel-clock.js'
import type { Idleness } from './idleness.js'
import type { Clock, StepFlow } from './step.js'

/** Times are the same in all versions of a step's state. */
export const plainTimes: TableOptions<EpochMs> = {
  migrate: (old) => old as EpochMs,
  moves: { by: 'task', merge: leastOfAll },
}

/** Time has come as far as in each of them; undefined: one has none. */
export function leastOfAll(times: readonly (EpochMs | undefined)[]): EpochMs | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length < times.length || known.length === 0 ? undefined : Math.min(...known)
}

/** A clock that moves behind the record under way. */
export interface MovingClock extends Clock {
  move(): void
  forget(): void
}

/** The clock of one `eventTime` step: the latest time it has seen, less how far out of order values may come. */
export class EventClock implements MovingClock {
  private readonly table: StateTable<EpochMs>
  private readonly maxDisorder: number
  private readonly end: () => boolean
  private seen = -Infinity
  /** Null: it never is. */
  private readonly idleness: Idleness | null
  /** A value has come since it last moved. */
  private woken = false

  /** `end`: whether no value will come here any more. */
  constructor(table: StateTable<EpochMs>, maxDisorder: number, end: () => boolean, idleness: Idleness | null = null) {
    this.table = table
    this.maxDisorder = maxDisorder
    this.end = end
    this.idleness = idleness
  }

  /** As Flink's bounded out-of-orderness: a value as late as the disorder allows is not behind it. */
  get watermark(): EpochMs {
    if (this.end()) return Infinity
    const latest = this.table.get('')
    return latest === undefined ? -Infinity : latest - this.maxDisorder - 1
  }

  get idle(): boolean {
    return this.idleness?.idle === true
  }

  /** True if the clock is to move behind the record. */
  observe(time: EpochMs): boolean {
    const isLater = time > this.seen && time > (this.table.get('') ?? -Infinity)
    if (isLater) this.seen = time
    // Whenever it is: it is not quiet any more.
    if (this.idleness?.unstarted === false) this.woken = true
    return isLater || this.woken
  }

  /** The record is through. */
  move(): void {
    if (this.seen > (this.table.get('') ?? -Infinity)) this.table.set('', this.seen)
    this.idleness?.move(this.woken)
    this.seen = -Infinity
    this.woken = false
  }

  forget(): void {
    this.idleness?.forget()
    this.seen = -Infinity
    this.woken = false
  }
}

/**
 * The least of several clocks, idle ones excepted; the latest, where all are. Without any, one that stands still. It never
 * goes back: values of a source that was idle may be late when they come.
 */
export class LeastClock implements Clock {
  private readonly clocks: readonly Clock[]
  /** How far it had come while some were idle. */
  private readonly floor: StateTable<EpochMs> | null

  constructor(clocks: readonly Clock[], floor: StateTable<EpochMs> | null = null) {
    this.clocks = clocks
    this.floor = floor
  }

  get watermark(): EpochMs {
    const { clocks } = this
    if (clocks.length === 0) return -Infinity
    let least = Infinity
    let latest = -Infinity
    let awake = false
    for (const { watermark, idle } of clocks) {
      if (watermark > latest) latest = watermark
      if (idle === true) continue
      awake = true
      if (watermark < least) least = watermark
    }
    return Math.max(awake ? least : latest, this.floor?.get('') ?? -Infinity)
  }

  get idle(): boolean {
    return this.clocks.length > 0 && this.clocks.every(({ idle }) => idle === true)
  }

  /** Clocks that were idle may be about to move. */
  keep(): void {
    const { clocks, floor } = this
    if (floor === null || !clocks.some(({ idle }) => idle === true)) return
    const { watermark } = this
    if (Number.isFinite(watermark) && watermark > (floor.get('') ?? -Infinity)) floor.set('', watermark)
  }
}

/**
 * The clock behind a step that hands on values when the one before it moves. It moves when the step is through with that,
 * so that none of those values is late, and stays behind by as much as their times may be.
 */
export class HeldClock implements Clock {
  private readonly before: Clock
  private readonly holds: number
  private held: EpochMs | undefined

  constructor(before: Clock, holds: number) {
    this.before = before
    this.holds = holds
  }

  get watermark(): EpochMs {
    return this.held ?? this.before.watermark - this.holds
  }

  get idle(): boolean {
    return this.before.idle === true
  }

  hold(): void {
    this.held = this.watermark
  }

  release(): void {
    this.held = undefined
  }
}

/** A step that does something when its clock has moved; `clock` is the one behind it. */
interface Firing {
  readonly fire: (ctx: StepFlow) => void
  readonly clock: HeldClock | undefined
}

/** What a step does at the start of an epoch; `wakes`: that has to start for it. */
interface EpochStart {
  readonly fire: (ctx: StepFlow) => void
  readonly due: () => EpochMs | null
  readonly wakes: boolean
}

/** What a stage does by time: after records that moved its clocks, and at the start of epochs. */
export class StageTime {
  readonly clocks: MovingClock[] = []
  /** Those of what other stages have written, by source. */
  readonly channels = new Map<string, ChannelClock>()
  /** How many tasks write each. */
  senders: Readonly<Record<string, number>> = {}
  /** Nothing had been read in its generation when the session began. */
  anew = false
  /** Those of steps behind several clocks. */
  readonly merged: LeastClock[] = []
  /** A bounded run is at its end: all there was to come has come. */
  ended = false
  private tooLate = 0
  /** The same before the record under way. */
  private lateBefore = 0
  private readonly onWatermark: Firing[] = []
  private readonly onEpochStart: EpochStart[] = []
  private moved = false

  /** Steps are compiled from the last to the first, and fire from the first to the last. */
  addWatermark(fire: (ctx: StepFlow) => void, clock?: HeldClock): void {
    this.onWatermark.unshift({ fire, clock })
  }

  addEpochStart(fire: (ctx: StepFlow) => void, due: () => EpochMs | null, wakes = true): void {
    this.onEpochStart.unshift({ fire, due, wakes })
  }

  /** A clock that holds nobody back while it is idle. With no other there is nobody to be held back. */
  addIdleness(idleness: Idleness): void {
    const alone = (): boolean => this.clocks.length < 2
    this.addEpochStart(
      ({ now }) => {
        if (!alone() && idleness.start(now)) this.moved = true
      },
      () => (alone() ? null : idleness.due),
    )
    this.addEpochStart(
      () => {},
      () => (!alone() && idleness.unstarted ? -Infinity : null),
      false,
    )
  }

  observe(clock: EventClock, time: EpochMs): void {
    if (clock.observe(time)) this.moved = true
  }

  /** A record of another stage comes. */
  hear(clock: ChannelClock, { sender, now }: StepFlow): void {
    if (sender !== undefined && clock.hear(sender, now)) this.moved = true
  }

  /** `begins`: an epoch does, else its checkpoint is about to be made. */
  expect(now: EpochMs, begins: boolean): void {
    for (const [source, channel] of this.channels) {
      const senders = this.senders[source]
      if (senders !== undefined && begins !== channel.expects) channel.expect(senders, now, this.anew)
    }
  }

  /** Values that came too late for a step, since the epoch began. */
  get late(): number {
    return this.tooLate
  }

  /** One has, of the record under way. */
  countLate(): void {
    this.tooLate++
  }

  /** What was under way is through. */
  through(): void {
    this.lateBefore = this.tooLate
  }

  /** An epoch begins. */
  countAnew(): void {
    this.tooLate = 0
    this.lateBefore = 0
  }

  /** The record under way is through: clocks move, and what is due by them happens. */
  settle(ctx: StepFlow): void {
    // What happens may move the clocks of steps behind it.
    while (this.moved) {
      this.moveOn()
      this.fireAll(ctx)
    }
    this.lateBefore = this.tooLate
  }

  /** The record under way has something to `settle`. */
  get unsettled(): boolean {
    return this.moved
  }

  /** As `settle`, with a pause behind each step: what that hands on may be waited for, before time goes on behind it. */
  *settling(ctx: StepFlow): Generator<void> {
    while (this.moved) {
      this.moveOn()
      yield* this.firing(ctx)
    }
  }

  /** The record under way was bad. */
  forget(): void {
    this.tooLate = this.lateBefore
    if (!this.moved) return
    this.moved = false
    for (const clock of this.clocks) clock.forget()
  }

  /** The bounded run is at its end: everything that waits for event time happens now. */
  end(ctx: StepFlow): void {
    for (const { clock } of this.onWatermark) clock?.hold()
    this.ended = true
    try {
      this.fireAll(ctx)
    } finally {
      this.ended = false
    }
    this.moved = false
    for (const clock of this.clocks) clock.move()
    this.lateBefore = this.tooLate
  }

  /** As `end`, with pauses. */
  *ending(ctx: StepFlow): Generator<void> {
    for (const { clock } of this.onWatermark) clock?.hold()
    this.ended = true
    try {
      yield* this.firing(ctx)
    } finally {
      this.ended = false
    }
    this.moved = false
    for (const clock of this.clocks) clock.move()
  }

  startEpoch(ctx: StepFlow): void {
    this.beginChannels(ctx)
    for (const { fire } of this.onEpochStart) fire(ctx)
  }

  /** As `startEpoch` and `settle`, with pauses. */
  *starting(ctx: StepFlow): Generator<void> {
    this.beginChannels(ctx)
    for (const { fire } of this.onEpochStart) {
      fire(ctx)
      yield
    }
    yield* this.settling(ctx)
  }

  /** Whether `startEpoch` at `now` would do anything. */
  dueAt(now: EpochMs): boolean {
    const isDue = ({ due }: { readonly due: EpochMs | null }): boolean => (due ?? Infinity) <= now
    return [...this.channels.values()].some(isDue) || this.onEpochStart.some(({ due }) => (due() ?? Infinity) <= now)
  }

  /** When an epoch has to start for what is due by the wall clock; null: never. */
  get nextDue(): EpochMs | null {
    let least: EpochMs | null = null
    for (const { due } of this.channels.values()) if (due !== null && (least === null || due < least)) least = due
    for (const { due, wakes } of this.onEpochStart) {
      const at = wakes ? due() : null
      if (at !== null && (least === null || at < least)) least = at
    }
    return least
  }

  private beginChannels({ now }: StepFlow): void {
    for (const channel of this.channels.values()) {
      channel.begin(now)
      this.moved = true
    }
  }

  private moveOn(): void {
    this.moved = false
    for (const { clock } of this.onWatermark) clock?.hold()
    for (const clock of this.merged) clock.keep()
    for (const clock of this.clocks) clock.move()
  }

  private *firing(ctx: StepFlow): Generator<void> {
    try {
      for (const { fire, clock } of this.onWatermark) {
        fire(ctx)
        yield
        clock?.release()
      }
    } finally {
      for (const { clock } of this.onWatermark) clock?.release()
    }
  }

  private fireAll(ctx: StepFlow): void {
    try {
      for (const { fire, clock } of this.onWatermark) {
        fire(ctx)
        clock?.release()
      }
    } finally {
      for (const { clock } of this.onWatermark) clock?.release()
    }
  }

  get hasEventTime(): boolean {
    return this.clocks.length > 0
  }

  /** The least watermark of the stage; null before any value came. */
  get watermark(): EpochMs | null {
    let least = Infinity
    const awake = this.clocks.filter(({ idle }) => !idle)
    for (const { watermark } of awake.length === 0 ? this.clocks : awake) if (watermark < least) least = watermark
    return Number.isFinite(least) ? least : null
  }
}
