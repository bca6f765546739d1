import type { EpochMs } from '../units.js'

/** An entry of a table that is due at some time. */
export interface Due {
  readonly at: EpochMs
  readonly key: string
}

/** A binary heap of due entries: the earliest first, those of one time in the order of their keys' code units. */
export class DueHeap {
  private items: Due[] = []

  get size(): number {
    return this.items.length
  }

  get first(): Due | undefined {
    return this.items[0]
  }

  /** Only the earliest of each key stays, and only if `isLive` says so. */
  thin(isLive: (key: string) => boolean): void {
    const earliest = new Map<string, Due>()
    for (const due of this.items) {
      const known = earliest.get(due.key)
      if (isLive(due.key) && (known === undefined || due.at < known.at)) earliest.set(due.key, due)
    }
    this.items = [...earliest.values()]
    for (let i = (this.items.length >> 1) - 1; i >= 0; i--) {
      const due = this.items[i]
      if (due !== undefined) this.sink(i, due)
    }
  }

  push(due: Due): void {
    const { items } = this
    let i = items.push(due) - 1
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = items[up]
      if (parent === undefined || !isBefore(due, parent)) break
      items[i] = parent
      i = up
    }
    items[i] = due
  }

  pop(): Due | undefined {
    const { items } = this
    const first = items[0]
    const last = items.pop()
    if (first === undefined || last === undefined || items.length === 0) return first
    this.sink(0, last)
    return first
  }

  clear(): void {
    this.items.length = 0
  }

  /** From `at` on downwards to where it belongs: what is below is in order. */
  private sink(at: number, due: Due): void {
    const { items } = this
    let i = at
    for (;;) {
      let child = 2 * i + 1
      let least = items[child]
      if (least === undefined) break
      const other = items[child + 1]
      if (other !== undefined && isBefore(other, least)) {
        child++
        least = other
      }
      if (!isBefore(least, due)) break
      items[i] = least
      i = child
    }
    items[i] = due
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.key < b.key)
}
