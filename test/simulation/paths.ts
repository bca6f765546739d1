import type { Positions } from '../../src/definition/position.js'
import type { SimBroker } from './sim-broker.js'

/**
 * In which order records go through the steps of the reference run, told from what receipts and checkpoints say. Nothing
 * here is the engine's, whose mistakes would not show.
 */
export class Paths {
  private readonly brokers: readonly SimBroker[]
  /** By generation: where each of its epochs ended, by number; the first of them is its origin. */
  private readonly ends = new Map<number, Map<number, Positions>>()

  constructor(brokers: readonly SimBroker[]) {
    this.brokers = brokers
  }

  /** A start: of a generation that may have begun before. */
  begins(generation: number, epoch: number, positions: Positions): void {
    if (!this.ends.has(generation)) this.ends.set(generation, new Map([[epoch, positions]]))
  }

  recorded(generation: number, epoch: number, positions: Positions): void {
    this.ends.get(generation)?.set(epoch, positions)
  }

  /** Values of the records up to where an epoch got. `epoch` null: one of those that have ended got there. */
  upTo(generation: number, epoch: number | null, positions: Positions): readonly number[] {
    const ends = [...(this.ends.get(generation) ?? [])].toSorted(([a], [b]) => a - b)
    const path: number[] = []
    let at = ends[0]?.[1] ?? positions
    for (const [number, end] of ends) {
      if (epoch === null ? this.isBehind(end, positions) : number >= epoch) break
      path.push(...this.merged(at, end))
      at = end
    }
    return [...path, ...this.merged(at, positions)]
  }

  /** What would follow if all sources had all there is. */
  after(positions: Positions): readonly number[] {
    return this.merged(positions, Object.fromEntries(this.brokers.map(({ id, log }) => [id, String(log.length)])))
  }

  valueOf({ source, position }: { readonly source: string; readonly position: string }): number {
    return (this.brokers.find(({ id }) => id === source)?.base ?? 0) + Number(position)
  }

  private isBehind(a: Positions, b: Positions): boolean {
    return this.brokers.some(({ id }) => Number(a[id]) > Number(b[id]))
  }

  /** Of the records that are next in each source: that with the least time, of equal ones that of the first source. */
  private merged(from: Positions, to: Positions): readonly number[] {
    const rest = this.brokers.map((broker) =>
      broker.log.flatMap((there, at) => {
        const isMeant = there && at >= Number(from[broker.id]) && at < Number(to[broker.id])
        return isMeant ? [{ value: broker.base + at, time: broker.timeAt(at) }] : []
      }),
    )
    const path: number[] = []
    for (;;) {
      const heads = rest.flatMap(([head]) => (head === undefined ? [] : [head.time]))
      if (heads.length === 0) return path
      const first = rest.find(([head]) => head?.time === Math.min(...heads))?.shift()
      if (first !== undefined) path.push(first.value)
    }
  }
}
