import type { JoinSettings } from '../../../../src/steps/join/join.js'

/** A value of one side: its number tells it from all others. */
export interface Event {
  readonly n: number
  readonly side: 'left' | 'right'
  readonly key: string
  readonly at: number
}

/** `[left, right, time]`, null where there is none. */
export type Joined = readonly [left: number | null, right: number | null, time: number]

interface Taken extends Event {
  met: boolean
  done: boolean
}

/** A join as one would define it: all values kept for ever, and all looked at each time. */
export class JoinModel {
  readonly out: Joined[] = []
  private readonly settings: JoinSettings & { readonly maxDisorder: number }
  private readonly taken: Taken[] = []
  private readonly latest = { left: -Infinity, right: -Infinity }

  constructor(settings: JoinSettings & { readonly maxDisorder: number }) {
    this.settings = settings
  }

  send(event: Event): void {
    const { graceMs } = this.settings
    if (event.at + graceMs > this.watermark) {
      const now: Taken = { ...event, met: false, done: false }
      const others = this.taken.filter((other) => this.areNear(now, other))
      others.sort((a, b) => a.at - b.at || a.n - b.n)
      for (const other of others) {
        const [left, right] = now.side === 'left' ? [now, other] : [other, now]
        this.out.push([left.n, right.n, Math.max(left.at, right.at)])
        now.met = true
        other.met = true
      }
      this.taken.push(now)
    }
    this.latest[event.side] = Math.max(this.latest[event.side], event.at)
    this.close(this.watermark)
  }

  close(watermark: number): void {
    const due = this.taken.filter((event) => !event.done && this.due(event) <= watermark)
    due.sort(
      (a, b) =>
        this.due(a) - this.due(b) ||
        (a.side < b.side ? -1 : a.side > b.side ? 1 : 0) ||
        (a.key < b.key ? -1 : a.key > b.key ? 1 : a.n - b.n),
    )
    for (const event of due) {
      event.done = true
      const wanted = this.settings.how === 'outer' || (this.settings.how === 'left' && event.side === 'left')
      if (!event.met && wanted)
        this.out.push(event.side === 'left' ? [event.n, null, event.at] : [null, event.n, event.at])
    }
  }

  private get watermark(): number {
    return Math.min(this.latest.left, this.latest.right) - this.settings.maxDisorder - 1
  }

  private due({ side, at }: Event): number {
    const { afterMs, beforeMs, graceMs } = this.settings
    return at + graceMs + (side === 'left' ? afterMs : beforeMs)
  }

  private areNear(a: Event, b: Event): boolean {
    if (a.side === b.side || a.key !== b.key) return false
    const [left, right] = a.side === 'left' ? [a, b] : [b, a]
    return right.at >= left.at - this.settings.beforeMs && right.at <= left.at + this.settings.afterMs
  }
}
