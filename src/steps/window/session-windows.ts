import type { StepContext } from '../../definition/context.js'
import { valueCodec } from '../../state/value-codec.js'
import type { StateCodec, StateTable } from '../../state/table.js'
import type { EpochMs } from '../../units.js'
import type { StepFlow } from '../step.js'
import type { WindowParts, Windows } from './window.js'

interface Session {
  readonly start: EpochMs
  readonly end: EpochMs
  readonly acc: unknown
}

/**
 * Sessions: an entry per key with all of its open ones, by time. A session still takes a value at its very `end`, so it
 * closes when the watermark has reached that, a ms later than other windows: what is on time never depends on its order.
 */
export class SessionWindows implements Windows {
  private readonly gap: number
  private readonly parts: WindowParts
  private readonly merge: (a: unknown, b: unknown) => unknown
  private readonly table: StateTable<readonly Session[]>

  constructor(gap: number, parts: WindowParts, merge: (a: unknown, b: unknown) => unknown) {
    this.gap = gap
    this.parts = parts
    this.merge = merge
    const { migrate, runtime, graceMs } = parts
    this.table = runtime.table<readonly Session[]>('sessions', {
      codec: valueCodec as StateCodec<readonly Session[]>,
      form: `session:${gap}`,
      due: ([first]) => (first === undefined ? null : first.end + graceMs),
      ...(migrate === undefined
        ? {}
        : {
            migrate: (old: unknown, from: number) =>
              (old as readonly Session[]).map(({ start, end, acc }) => ({ start, end, acc: migrate(acc, from) })),
          }),
    })
  }

  add(key: string, time: EpochMs, value: unknown, ctx: StepContext<unknown>): boolean {
    const { gap, table, merge } = this
    const { aggregator, runtime, graceMs, update } = this.parts
    const sessions = table.get(key) ?? []
    // Sessions are more than a gap apart, so it can join one that began before it and one that begins behind it, no more.
    let first = 0
    while (isBefore(sessions[first], time)) first++
    const earlier = begunBy(sessions[first], time)
    const later = begunBy(sessions[earlier === undefined ? first : first + 1], time + gap)
    if (!earlier && !later && time + gap + graceMs <= runtime.clock.watermark) return false

    runtime.at[0] = runtime.index
    let acc = aggregator.add(earlier === undefined ? aggregator.init() : earlier.acc, value)
    if (later !== undefined) acc = merge(acc, later.acc)
    const start = earlier?.start ?? time
    const end = Math.max(time + gap, (later ?? earlier)?.end ?? -Infinity)
    const joined = (earlier === undefined ? 0 : 1) + (later === undefined ? 0 : 1)
    table.set(key, sessions.toSpliced(first, joined, { start, end, acc }))
    update?.(key, start, end, acc, ctx)
    return true
  }

  close(watermark: EpochMs, flow: StepFlow): void {
    const { table } = this
    const { final } = this.parts
    for (let due = table.firstDueBy(watermark); due !== undefined; due = table.firstDueBy(watermark)) {
      const [session, ...rest] = due.value
      if (rest.length === 0) table.delete(due.key)
      else table.set(due.key, rest)
      if (session !== undefined) final?.(due.key, session.start, session.end, session.acc, flow)
    }
  }
}

const isBefore = (session: Session | undefined, time: EpochMs): boolean => session !== undefined && session.end < time

const begunBy = (session: Session | undefined, time: EpochMs): Session | undefined =>
  session !== undefined && session.start <= time ? session : undefined
