import type { StateTable } from '../state/table.js'
import type { EpochMs } from '../units.js'
import type { Clock, StepFlow } from './step.js'

/** The clock of one `eventTime` step: the latest time it has seen, less how far out of order values may come. */
export class EventClock implements Clock {
  private readonly table: StateTable<EpochMs>
  private readonly maxDisorder: number
  private seen = -Infinity

  constructor(table: StateTable<EpochMs>, maxDisorder: number) {
    this.table = table
    this.maxDisorder = maxDisorder
  }

  /** As Flink's bounded out-of-orderness: a value as late as the disorder allows is not behind it. */
  get watermark(): EpochMs {
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
  private readonly time: Pick<StageTime, 'ended'>

  constructor(clocks: readonly Clock[], time: Pick<StageTime, 'ended'>) {
    this.clocks = clocks
    this.time = time
  }

  get watermark(): EpochMs {
    const { clocks } = this
    if (clocks.length === 0) return -Infinity
    if (this.time.ended) return Infinity
    let least = Infinity
    for (const { watermark } of clocks) if (watermark < least) least = watermark
    return least
  }
}

/** What a stage does by time: after records that moved its clocks, and at the start of epochs. */
export class StageTime {
  readonly clocks: EventClock[] = []
  /** A bounded run is at its end: all there was to come has come. */
  ended = false
  private readonly onWatermark: ((ctx: StepFlow) => void)[] = []
  private readonly onEpochStart: { readonly fire: (ctx: StepFlow) => void; readonly due: () => EpochMs | null }[] = []
  private moved = false

  /** Steps are compiled from the last to the first, and fire from the first to the last. */
  addWatermark(fire: (ctx: StepFlow) => void): void {
    this.onWatermark.unshift(fire)
  }

  addEpochStart(fire: (ctx: StepFlow) => void, due: () => EpochMs | null): void {
    this.onEpochStart.unshift({ fire, due })
  }

  observe(clock: EventClock, time: EpochMs): void {
    if (clock.observe(time)) this.moved = true
  }

  /** The record under way is through: clocks move, and what is due by them happens. */
  settle(ctx: StepFlow): void {
    if (!this.moved) return
    this.moved = false
    for (const clock of this.clocks) clock.move()
    for (const fire of this.onWatermark) fire(ctx)
  }

  /** The record under way was bad. */
  forget(): void {
    if (!this.moved) return
    this.moved = false
    for (const clock of this.clocks) clock.forget()
  }

  /** The bounded run is at its end: everything that waits for event time happens now. */
  end(ctx: StepFlow): void {
    this.ended = true
    try {
      for (const fire of this.onWatermark) fire(ctx)
    } finally {
      this.ended = false
    }
  }

  startEpoch(ctx: StepFlow): void {
    for (const { fire } of this.onEpochStart) fire(ctx)
  }

  /** Whether `startEpoch` at `now` would do anything. */
  dueAt(now: EpochMs): boolean {
    const due = this.nextDue
    return due !== null && due <= now
  }

  /** When an epoch has to start for what is due by the wall clock; null: never. */
  get nextDue(): EpochMs | null {
    let least: EpochMs | null = null
    for (const { due } of this.onEpochStart) {
      const at = due()
      if (at !== null && (least === null || at < least)) least = at
    }
    return least
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
