import type { StepContext } from '../../definition/context.js'
import type { StateCodec, StateTable } from '../../state/table.js'
import { valueCodec } from '../../state/value-codec.js'
import type { EpochMs } from '../../units.js'
import type { StepFlow } from '../step.js'
import type { WindowParts, Windows } from './window.js'

/** From `start` to `start + size`, both included. Never empty. */
interface SlidingWindow {
  readonly start: EpochMs
  /** The latest time in it. */
  readonly last: EpochMs
  readonly acc: unknown
}

/** All windows of a key, by time; the first `closed` of them are kept only because later ones begin with their values. */
interface KeyWindows {
  readonly closed: number
  readonly windows: readonly SlidingWindow[]
}

/**
 * Sliding windows as Kafka Streams has them: for each time `t` of a value the window that ends there, and, if anything is
 * in it, the one that begins at `t + 1`. So for any two neighbours among the windows, no value of the first is missing in
 * the second but those that it begins behind; which is why a new window's values are found in an old one.
 */
export class SlidingWindows implements Windows {
  private readonly size: number
  private readonly parts: WindowParts
  private readonly table: StateTable<KeyWindows>

  constructor(size: number, parts: WindowParts) {
    this.size = size
    this.parts = parts
    const { migrate, runtime } = parts
    this.table = runtime.table<KeyWindows>('windows', {
      codec: valueCodec as StateCodec<KeyWindows>,
      form: `sliding:${size}`,
      due: (value) => this.dueOf(value),
      ...(migrate === undefined
        ? {}
        : {
            migrate: (old: unknown, from: number) => {
              const { closed, windows } = old as KeyWindows
              return { closed, windows: windows.map((one) => ({ ...one, acc: migrate(one.acc, from) })) }
            },
          }),
    })
  }

  /** All windows of a value end at it or later, so that none of them has closed unless it is later than `grace`. */
  add(key: string, time: EpochMs, value: unknown, ctx: StepContext<unknown>): boolean {
    const { size, parts } = this
    const { runtime, graceMs, update } = parts
    if (time + graceMs <= runtime.clock.watermark) return false
    const { closed, windows } = this.table.get(key) ?? { closed: 0, windows: [] }
    // Since the last deploy there may be more grace, or disorder: what has closed stays closed.
    const last = windows[closed - 1]
    if (last !== undefined && time <= last.start + size) return false
    const next = this.withValue(windows, time, value)
    this.table.set(key, { closed, windows: next })
    if (update === null) return true
    // Behind a value that is out of order a window may begin that hasn't it.
    const begins = !has(windows, time + 1)
    for (const { start, acc } of next) {
      const changes = start <= time ? time <= start + size : begins && start === time + 1
      if (changes) update(key, start, start + size + 1, acc, ctx)
    }
    return true
  }

  close(watermark: EpochMs, flow: StepFlow): void {
    const { table, size } = this
    const { final, graceMs } = this.parts
    for (let due = table.firstDueBy(watermark); due !== undefined; due = table.firstDueBy(watermark)) {
      const { key, value } = due
      const { closed, windows } = value
      const window = windows[closed]
      const closes = window !== undefined && window.start + size + graceMs === due.at
      const kept = windows.findIndex(({ start }) => this.forgottenAt(start) > due.at)
      const dropped = kept === -1 ? windows.length : kept
      if (dropped === windows.length) table.delete(key)
      else table.set(key, { closed: closed + (closes ? 1 : 0) - dropped, windows: windows.slice(dropped) })
      if (closes) final?.(key, window.start, window.start + size + 1, window.acc, flow)
    }
  }

  /** The window closes with the watermark at this time; nothing that is on time needs it from `forgottenAt` on. */
  private dueOf({ closed, windows: [first, ...more] }: KeyWindows): EpochMs | null {
    if (first === undefined) return null
    const next = closed === 0 ? first : more[closed - 1]
    const closes = next === undefined ? Infinity : next.start + this.size + this.parts.graceMs
    return Math.min(closes, this.forgottenAt(first.start))
  }

  private forgottenAt(start: EpochMs): EpochMs {
    return start + 2 * this.size + this.parts.graceMs + 1
  }

  private withValue(windows: readonly SlidingWindow[], time: EpochMs, value: unknown): readonly SlidingWindow[] {
    const { size } = this
    const { aggregator, runtime } = this.parts
    runtime.at[0] = runtime.index
    const next: SlidingWindow[] = []
    /** The latest window with values before `time` only, and the latest one with `time` in it, without this value. */
    let before: SlidingWindow | undefined
    let around: SlidingWindow | undefined
    for (const window of windows) {
      const { start, last, acc } = window
      if (start < time - size) before = window
      if (start > time || start + size < time) {
        next.push(window)
        continue
      }
      around = window
      next.push({ start, last: Math.max(last, time), acc: aggregator.add(acc, value) })
    }
    const near = before !== undefined && before.last >= time - size ? before : undefined
    // It ends at the value.
    if (!has(next, time - size)) {
      const begun = near === undefined ? aggregator.init() : near.acc
      put(next, { start: time - size, last: time, acc: aggregator.add(begun, value) })
    }
    // It begins behind the value before: what else was in it would have made it.
    if (near !== undefined && !has(next, near.last + 1)) {
      put(next, { start: near.last + 1, last: time, acc: aggregator.add(aggregator.init(), value) })
    }
    // It begins behind the value.
    if (around !== undefined && around.last > time && !has(next, time + 1)) {
      put(next, { start: time + 1, last: around.last, acc: around.acc })
    }
    return next
  }
}

function has(windows: readonly SlidingWindow[], start: EpochMs): boolean {
  return windows.some((window) => window.start === start)
}

function put(windows: SlidingWindow[], window: SlidingWindow): void {
  const at = windows.findIndex(({ start }) => start > window.start)
  windows.splice(at === -1 ? windows.length : at, 0, window)
}
