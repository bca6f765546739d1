import type { StateTable } from '../state/table.js'
import type { EpochMs } from '../units.js'
import type { ChannelClock } from './channel-clock.js'
import type { Clock, StepFlow } from './step.js'

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

  /** `end`: whether no value will come here any more. */
  constructor(table: StateTable<EpochMs>, maxDisorder: number, end: () => boolean) {
    this.table = table
    this.maxDisorder = maxDisorder
    this.end = end
  }

  /** As Flink's bounded out-of-orderness: a value as late as the disorder allows is not behind it. */
  get watermark(): EpochMs {
    if (this.end()) return Infinity
    const latest = this.table.get('')
    return latest === undefined ? -Infinity : latest - this.maxDisorder - 1
  }

  /** True if the clock is to move behind the record. */
  observe(time: EpochMs): boolean {
    if (time <= this.seen || time <= (this.table.get('') ?? -Infinity)) return false
    this.seen = time
    return true
  }

  /** The record is through. */
  move(): void {
    if (this.seen > (this.table.get('') ?? -Infinity)) this.table.set('', this.seen)
    this.seen = -Infinity
  }

  forget(): void {
    this.seen = -Infinity
  }
}

/** The least of several clocks; without any, one that stands still. */
export class LeastClock implements Clock {
  private readonly clocks: readonly Clock[]

  constructor(clocks: readonly Clock[]) {
    this.clocks = clocks
  }

  get watermark(): EpochMs {
    const { clocks } = this
    if (clocks.length === 0) return -Infinity
    let least = Infinity
    for (const { watermark } of clocks) if (watermark < least) least = watermark
    return least
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
  /** That of what another stage has written. */
  channel: ChannelClock | null = null
  /** How many tasks write that. Null: nobody knows. */
  senders: number | null = null
  /** A bounded run is at its end: all there was to come has come. */
  ended = false
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

  observe(clock: EventClock, time: EpochMs): void {
    if (clock.observe(time)) this.moved = true
  }

  /** A record of another stage comes. */
  hear(clock: ChannelClock, { sender, now }: StepFlow): void {
    if (sender !== undefined && clock.hear(sender, now)) this.moved = true
  }

  /** `begins`: an epoch does, else its checkpoint is about to be made. */
  expect(now: EpochMs, begins: boolean): void {
    const { channel, senders } = this
    if (senders !== null && channel !== null && begins !== channel.expects) channel.expect(senders, now)
  }

  /** The record under way is through: clocks move, and what is due by them happens. */
  settle(ctx: StepFlow): void {
    // What happens may move the clocks of steps behind it.
    while (this.moved) {
      this.moved = false
      for (const { clock } of this.onWatermark) clock?.hold()
      for (const clock of this.clocks) clock.move()
      this.fireAll(ctx)
    }
  }

  /** The record under way was bad. */
  forget(): void {
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
  }

  startEpoch(ctx: StepFlow): void {
    if (this.channel !== null) {
      this.channel.begin(ctx.now)
      this.moved = true
    }
    for (const { fire } of this.onEpochStart) fire(ctx)
  }

  /** Whether `startEpoch` at `now` would do anything. */
  dueAt(now: EpochMs): boolean {
    return (this.channel?.due ?? Infinity) <= now || this.onEpochStart.some(({ due }) => (due() ?? Infinity) <= now)
  }

  /** When an epoch has to start for what is due by the wall clock; null: never. */
  get nextDue(): EpochMs | null {
    let least: EpochMs | null = this.channel?.due ?? null
    for (const { due, wakes } of this.onEpochStart) {
      const at = wakes ? due() : null
      if (at !== null && (least === null || at < least)) least = at
    }
    return least
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
    for (const { watermark } of this.clocks) if (watermark < least) least = watermark
    return Number.isFinite(least) ? least : null
  }
}
