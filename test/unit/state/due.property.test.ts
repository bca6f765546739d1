import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DueHeap } from '../../../src/state/due-heap.js'
import { Journal } from '../../../src/state/journal.js'
import { StateTable } from '../../../src/state/table.js'

const deeds = fc.array(
  fc.record({
    what: fc.constantFrom('set', 'set', 'set', 'set', 'never', 'delete', 'take', 'good', 'bad', 'fire'),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    at: fc.integer({ min: -5, max: 12 }),
  }),
  { maxLength: 120 },
)

test('the next entry is always the one that a list would give, whatever was moved, taken away and taken back', () => {
  fc.assert(
    fc.property(deeds, (given) => {
      const journal = new Journal()
      const table = new StateTable<number | null>(journal, { due: (at) => at })
      let [kept, settled] = [new Map<string, number | null>(), new Map<string, number | null>()]
      const first = (by: number) =>
        [...kept]
          .flatMap(([key, at]) => (at === null || at > by ? [] : [{ key, value: at, at }]))
          .toSorted((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1))[0]
      for (const { what, key, at } of given) {
        if (what === 'set' || what === 'never') {
          table.set(key, what === 'set' ? at : null)
          kept.set(key, what === 'set' ? at : null)
        } else if (what === 'delete') {
          table.delete(key)
          kept.delete(key)
        } else if (what === 'good') {
          journal.forget()
          settled = new Map(kept)
        } else if (what === 'bad') {
          journal.rollback()
          kept = new Map(settled)
        } else if (what === 'take') expect(table.firstDueBy(at)).toEqual(first(at))
        else {
          for (let due = table.firstDueBy(at); due !== undefined; due = table.firstDueBy(at)) {
            expect(due).toEqual(first(at))
            table.delete(due.key)
            kept.delete(due.key)
          }
        }
      }
      expect(table.firstDueBy(Infinity)).toEqual(first(Infinity))
    }),
    { numRuns: 500 },
  )
})

test('a heap that is thinned has the earliest of each key, in order', () => {
  const dues = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), at: fc.nat(9) }))
  fc.assert(
    fc.property(dues, fc.constantFrom('a', 'e', 'z'), (given, least) => {
      const heap = new DueHeap()
      for (const due of given) heap.push(due)
      heap.thin((key) => key >= least)
      const live = given.filter(({ key }) => key >= least)
      const earliest = [...new Set(live.map(({ key }) => key))].map((key) => ({
        key,
        at: Math.min(...live.filter((due) => due.key === key).map(({ at }) => at)),
      }))
      const popped = Array.from({ length: heap.size }, () => heap.pop())
      expect(popped).toEqual(earliest.toSorted((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1)))
    }),
  )
})

/** What stands in the heap for one that is never due is as much memory as an entry. */
test.each([
  ['moved on', (table: StateTable<number>, n: number) => table.set('hot', 1_000 + n)],
  [
    'taken away and set again',
    (table: StateTable<number>, n: number) => {
      table.delete('hot')
      table.set('hot', 1_000 + n)
    },
  ],
  ['moved to and fro', (table: StateTable<number>, n: number) => table.set('hot', 1_000 + (n % 2))],
])('what is %s again and again, behind one that stays, takes no room for each time', (_, change) => {
  const table = new StateTable<number>(new Journal(), { due: (at) => at })
  const { heap } = table as unknown as { readonly heap: DueHeap }
  table.set('cold', 500)
  let most = 0
  for (let n = 0; n < 20_000; n++) {
    change(table, n)
    if (table.firstDueBy(10) !== undefined) throw new Error('nothing is due')
    most = Math.max(most, heap.size)
  }
  expect(most).toBeLessThan(2_000)
  expect(table.firstDueBy(500)?.key).toBe('cold')
  table.delete('cold')
  expect(table.nextDue).toBe(table.get('hot'))
})
