import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareDecimal, type Positions } from '../../../src/definition/position.js'
import type { SourceBatch, SourceRecord } from '../../../src/definition/source.js'
import type { Input } from '../../../src/engine/input.js'
import { isBehind, type Turn, Turns } from '../../../src/engine/turns.js'

/** One source's timestamps by position; null: nothing is there, as compaction leaves it. */
type Log = readonly (number | null)[]

/** What turns see of a source: batches that have come, and how far it is. */
class FakeInput {
  readonly compare = compareDecimal
  readonly id: string
  readonly order: number
  position: string
  cursor = 0
  closed = false
  read: number
  readonly queue: SourceBatch<unknown>[] = []
  readonly prefetch: { head: SourceBatch<unknown> | undefined; trouble: null; answered: boolean; lag: number }
  private readonly log: Log

  constructor(order: number, log: Log, position: string) {
    this.order = order
    this.id = `s${order}`
    this.log = log
    this.position = position
    this.read = Number(position)
    this.prefetch = { head: undefined, trouble: null, answered: true, lag: 0 }
  }

  get next(): SourceRecord<unknown> | undefined {
    return this.prefetch.head?.records[this.cursor]
  }

  get ended(): boolean {
    return false
  }

  has(position: string | undefined): boolean {
    return position !== undefined && compareDecimal(this.position, position) >= 0
  }

  /** So many positions more have come. */
  arrive(count: number): void {
    const end = Math.min(this.log.length, this.read + count)
    if (end === this.read) return
    const records = this.log.slice(this.read, end).flatMap((timestamp, index): SourceRecord<unknown>[] => {
      const at = this.read + index
      return timestamp === null ? [] : [{ position: String(at), next: String(at + 1), key: null, value: 0, timestamp }]
    })
    const batch = { records, next: String(end) }
    if (this.prefetch.head === undefined) this.prefetch.head = batch
    else this.queue.push(batch)
    this.read = end
  }

  /** As a slice does: records up to the goal, as long as it is its turn. Gives their positions. */
  take({ limit }: Turn & { kind: 'take' }, goal: string | undefined, most: number): string[] {
    const taken: string[] = []
    const batch = this.prefetch.head
    for (let record = this.next; record !== undefined && taken.length < most; record = this.next) {
      if (goal !== undefined && compareDecimal(record.position, goal) >= 0) {
        this.position = goal
        return taken
      }
      if (limit !== null && isBehind(record, limit)) return taken
      taken.push(`${this.id}:${record.position}`)
      this.cursor++
      this.position = record.next
    }
    if (this.next === undefined && batch !== undefined) {
      this.position = batch.next
      this.cursor = 0
      this.prefetch.head = this.queue.shift()
    }
    return taken
  }
}

const at = (inputs: readonly FakeInput[]): Positions =>
  Object.fromEntries(inputs.map(({ id, position }) => [id, position]))

/** Of the records below `end`, always that with the least timestamp of those that are next; the source first defined among equals. */
function naive(logs: readonly Log[], from: Positions, end: Positions): string[] {
  const next = logs.map((_, s) => Number(from[`s${s}`]))
  const skip = (): void => {
    for (const [s, log] of logs.entries()) while (log[next[s] ?? 0] === null) next[s] = (next[s] ?? 0) + 1
  }
  const order: string[] = []
  for (;;) {
    skip()
    const open = logs.flatMap((log, s) => {
      const position = next[s] ?? 0
      const timestamp = log[position]
      return timestamp === undefined || timestamp === null || position >= Number(end[`s${s}`])
        ? []
        : [{ s, position, timestamp }]
    })
    open.sort((a, b) => a.timestamp - b.timestamp || a.s - b.s)
    const [first] = open
    if (first === undefined) return order
    order.push(`s${first.s}:${first.position}`)
    next[first.s] = first.position + 1
  }
}

interface Case {
  readonly logs: readonly Log[]
  /** What comes when: source, positions at once; or nothing, and time passes. */
  readonly arrivals: readonly { readonly source: number; readonly count: number }[]
  /** Other batches on the next attempt. */
  readonly sizes: readonly number[]
  readonly most: number
  readonly cut: number
}

const cases: fc.Arbitrary<Case> = fc.record({
  logs: fc.array(fc.array(fc.oneof({ weight: 4, arbitrary: fc.nat(12) }, fc.constant(null)), { maxLength: 12 }), {
    minLength: 1,
    maxLength: 3,
  }),
  arrivals: fc.array(fc.record({ source: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) }), { maxLength: 30 }),
  sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
  most: fc.integer({ min: 1, max: 4 }),
  cut: fc.nat(),
})

/** One live epoch: what was taken, in order, and where it stood after each step. */
function live({ logs, arrivals, most }: Case): { order: string[]; stood: { count: number; positions: Positions }[] } {
  const inputs = logs.map((log, order) => new FakeInput(order, log, '0'))
  let now = 0
  const turns = new Turns(inputs as unknown as Input[], 100, () => now)
  const order: string[] = []
  const stood = [{ count: 0, positions: at(inputs) }]
  for (const { source, count } of arrivals) {
    if (source < inputs.length) inputs[source]?.arrive(count)
    else now += count * 30
    for (let turn = turns.next(null); turn.kind === 'take'; turn = turns.next(null)) {
      order.push(...(turn.input as unknown as FakeInput).take(turn, undefined, most))
      stood.push({ count: order.length, positions: at(inputs) })
    }
  }
  return { order, stood }
}

test('the order is that of the records taken, whenever they came and however long was waited', () => {
  fc.assert(
    fc.property(cases, (given) => {
      const { order, stood } = live(given)
      const start = Object.fromEntries(given.logs.map((_, s) => [`s${s}`, '0']))
      for (const { count, positions } of stood) {
        expect(order.slice(0, count)).toEqual(naive(given.logs, start, positions))
      }
    }),
    { numRuns: 1_000 },
  )
})

test('executed again up to any place it has been at, it comes through all places before', () => {
  fc.assert(
    fc.property(cases, (given) => {
      const { order, stood } = live(given)
      const goals = stood.slice(0, 1 + (given.cut % stood.length))
      const inputs = given.logs.map((log, index) => new FakeInput(index, log, '0'))
      const turns = new Turns(inputs as unknown as Input[], 100, () => 0)
      const again: string[] = []
      let size = 0
      for (const { count, positions } of goals) {
        for (let turn = turns.next(positions); turn.kind !== 'over'; turn = turns.next(positions)) {
          if (turn.kind === 'take') {
            const input = turn.input as unknown as FakeInput
            again.push(...input.take(turn, positions[input.id], given.most))
          } else if (turn.kind === 'wait') {
            const hungry = turn.hungry[size % turn.hungry.length] as unknown as FakeInput
            hungry.arrive(given.sizes[size++ % given.sizes.length] ?? 1)
          } else throw new Error('nobody is left behind while catching up')
        }
        expect(again).toEqual(order.slice(0, count))
      }
    }),
    { numRuns: 1_000 },
  )
})

test('a source that has nothing is waited for, but not for ever, and then left out until the epoch ends', () => {
  let now = 0
  const [a, b] = [new FakeInput(0, [5, 6], '0'), new FakeInput(1, [1], '0')]
  const turns = new Turns([a, b] as unknown as Input[], 100, () => now)
  a.arrive(2)
  expect(turns.next(null)).toMatchObject({ kind: 'wait', hungry: [b], forMs: 100 })
  now = 99
  expect(turns.next(null)).toMatchObject({ kind: 'wait', forMs: 1 })
  now = 100
  const turn = turns.next(null)
  expect(turn).toMatchObject({ kind: 'take', input: a, limit: null })
  b.arrive(1)
  expect(turns.next(null)).toMatchObject({ kind: 'take', input: a, limit: null })
  if (turn.kind === 'take') expect(a.take(turn, undefined, 9)).toEqual(['s0:0', 's0:1'])
  expect(turns.next(null)).toMatchObject({ kind: 'wait', forMs: Infinity })
  expect(new Turns([a, b] as unknown as Input[], 100, () => now).next(null)).toMatchObject({
    kind: 'wait',
    hungry: [a],
  })
})

test('one that has more to give is waited for as long as it takes', () => {
  let now = 0
  const [a, b] = [new FakeInput(0, [5], '0'), new FakeInput(1, [1], '0')]
  b.prefetch.lag = 1
  const turns = new Turns([a, b] as unknown as Input[], 100, () => now)
  a.arrive(1)
  now = 1e9
  expect(turns.next(null)).toMatchObject({ kind: 'wait', hungry: [b], forMs: Infinity })
})
