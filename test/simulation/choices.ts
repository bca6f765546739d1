import { Seeded } from './seeded.js'

/**
 * Everything that a simulation leaves to chance, as a list of whole numbers: drawn from a seed, or given. Where the list
 * given ends, every choice is 0, and 0 is always the plainest one: no fault, no delay, the first of several.
 */
export class Choices {
  readonly taken: number[] = []
  private readonly seeded: Seeded | null
  private readonly given: readonly number[]

  constructor(source: number | readonly number[]) {
    this.seeded = typeof source === 'number' ? new Seeded(source) : null
    this.given = typeof source === 'number' ? [] : source
  }

  /** An integer from 0, below `n`. */
  below(n: number): number {
    return this.take(this.seeded === null ? this.next % n : this.seeded.below(n))
  }

  chance(probability: number): boolean {
    return this.take(this.seeded === null ? this.next : Number(this.seeded.chance(probability))) !== 0
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)]
    if (picked === undefined) throw new RangeError('nothing to pick from')
    return picked
  }

  private get next(): number {
    return this.given[this.taken.length] ?? 0
  }

  private take(value: number): number {
    this.taken.push(value)
    return value
  }
}
