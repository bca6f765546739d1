import { aggregate } from '../../../../src/definition/aggregators/index.js'
import type { Windowed } from '../../../../src/definition/windows.js'
import type { WindowShape } from '../../../../src/steps/window/window.js'

/** A value: its number tells it from all others. */
export interface Event {
  readonly n: number
  readonly key: string
  readonly at: number
}

/** The numbers of a window's values, in their order: a sum would hide too much. */
export const numbers = aggregate({
  init: () => [] as readonly number[],
  add: (acc, { n }: Event) => [...acc, n].toSorted((a, b) => a - b),
  merge: (a, b) => [...a, ...b].toSorted((x, y) => x - y),
  result: (acc) => acc,
})

export interface ModelOptions {
  readonly over: WindowShape
  readonly maxDisorder: number
  readonly grace: number
}

/** With the watermark at which it came: windows that had closed don't have it. */
type Taken = Event & { readonly watermark: number }
type Result = Windowed<string, readonly number[]>

/**
 * Windows as one would define them, with all values kept for ever and everything looked for again each time: no tables,
 * no state, nothing incremental.
 */
export class WindowModel {
  readonly late: number[] = []
  readonly final: Result[] = []
  /** Per value: the windows that it changed, or made. */
  readonly updates: Result[] = []
  private readonly options: ModelOptions
  private readonly taken: Taken[] = []
  private readonly done = new Set<string>()
  private latest = -Infinity

  constructor(options: ModelOptions) {
    this.options = options
  }

  send(event: Event): void {
    const watermark = this.latest - this.options.maxDisorder - 1
    const open = (window: Result): boolean => this.closing(window) > watermark
    if (!this.takes(event, watermark)) this.late.push(event.n)
    else {
      const before = new Set(this.windows().map((window) => JSON.stringify(window)))
      this.taken.push({ ...event, watermark })
      const changed = this.windows().filter((window) => !before.has(JSON.stringify(window)) && open(window))
      this.updates.push(...changed.toSorted((a, b) => a.start - b.start))
    }
    this.latest = Math.max(this.latest, event.at)
    this.close(this.latest - this.options.maxDisorder - 1)
  }

  /** All windows that the watermark has passed, and that were not there before. */
  close(watermark: number): void {
    const closing = this.windows().filter(
      (window) => this.closing(window) <= watermark && !this.done.has(`${window.start} ${window.key}`),
    )
    closing.sort((a, b) => a.end - b.end || (a.key < b.key ? -1 : 1))
    for (const window of closing) this.done.add(`${window.start} ${window.key}`)
    this.final.push(...closing)
    if (this.options.over.kind === 'session') this.forget(closing)
  }

  private closing({ end }: Result): number {
    return end + this.options.grace - (this.options.over.kind === 'session' ? 0 : 1)
  }

  private takes(event: Event, watermark: number): boolean {
    const { over, grace } = this.options
    switch (over.kind) {
      case 'fixed':
        return fixedStarts(over, event.at).some((start) => start + over.size - 1 + grace > watermark)
      case 'sliding':
        return event.at + grace > watermark
      case 'session': {
        const near = ({ key, at }: Event): boolean => key === event.key && Math.abs(at - event.at) <= over.gap
        return event.at + over.gap + grace > watermark || this.taken.some(near)
      }
    }
  }

  /** A closed session is no part of a later one. */
  private forget(closed: readonly Result[]): void {
    const gone = new Set(closed.flatMap(({ value }) => value))
    const kept = this.taken.filter(({ n }) => !gone.has(n))
    this.taken.splice(0, Infinity, ...kept)
    for (const { start, key } of closed) this.done.delete(`${start} ${key}`)
  }

  /** Every window that has a value, open or not. */
  private windows(): readonly Result[] {
    const keys = [...new Set(this.taken.map(({ key }) => key))]
    return keys.flatMap((key) => {
      const events = this.taken.filter((event) => event.key === key)
      return this.options.over.kind === 'session'
        ? sessions(key, events, this.options.over.gap)
        : this.fixed(key, events)
    })
  }

  private fixed(key: string, events: readonly Taken[]): readonly Result[] {
    const { over } = this.options
    if (over.kind === 'session') return []
    const starts =
      over.kind === 'fixed'
        ? events.flatMap(({ at }) => fixedStarts(over, at))
        : events.flatMap(({ at }) => [at - over.size, at + 1])
    const length = over.kind === 'fixed' ? over.size : over.size + 1
    return [...new Set(starts)].flatMap((start) => {
      const value = events
        .filter(({ at }) => at >= start && at < start + length)
        .filter(({ watermark }) => start + length - 1 + this.options.grace > watermark)
        .map(({ n }) => n)
      return value.length === 0 ? [] : [{ key, start, end: start + length, value: value.toSorted((a, b) => a - b) }]
    })
  }
}

/** Every start there could be, looked at one by one. */
function fixedStarts({ size, every, offset }: WindowShape & { kind: 'fixed' }, at: number): readonly number[] {
  const starts: number[] = []
  for (let start = at - size + 1; start <= at; start++) {
    if ((((start - offset) % every) + every) % every === 0) starts.push(start)
  }
  return starts
}

function sessions(key: string, events: readonly Event[], gap: number): readonly Result[] {
  const found: { key: string; start: number; end: number; value: number[] }[] = []
  for (const { at, n } of events.toSorted((a, b) => a.at - b.at)) {
    const last = found.at(-1)
    if (last !== undefined && at <= last.end) {
      last.end = at + gap
      last.value.push(n)
    } else found.push({ key, start: at, end: at + gap, value: [n] })
  }
  return found.map((session) => ({ ...session, value: session.value.toSorted((a, b) => a - b) }))
}
