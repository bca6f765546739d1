import type { OutputItem } from './outlet.js'

/** What a sink has said with `ctx.reject`: kept here, since a sink may wrap what that throws. */
export class RefusedItem {
  latest: { readonly itemId: string; readonly reason: string; readonly sink: string | undefined } | null = null

  /** Before anything is written: what follows is about that. */
  clear(): void {
    this.latest = null
  }

  /** Which of `items` it is. Throws a `TypeError` where it could be several sinks'. */
  among(items: readonly OutputItem[]): OutputItem | undefined {
    const { latest } = this
    if (latest === null) return undefined
    const { itemId, sink } = latest
    const found = items.filter(
      (item) => !item.refused && item.id === itemId && (sink === undefined || item.sink === sink),
    )
    if (found.length < 2) return found[0]
    const sinks = found.map((item) => `'${item.sink}'`).join(' and ')
    throw new TypeError(`item ${itemId} was rejected, and ${sinks} both have one of that id: name the sink`)
  }
}
