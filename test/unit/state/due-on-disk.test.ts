import { expect, test } from 'vitest'
import type { ValueStore } from '../../../src/definition/state-store.js'
import { Journal } from '../../../src/state/journal.js'
import { Shelf } from '../../../src/state/shelf.js'
import { StateTable } from '../../../src/state/table.js'

test('where nothing is due, to ask for it reads no value from disk', () => {
  const values = new Map<number, Uint8Array>()
  let reads = 0
  const store: ValueStore = {
    batchBytes: 0,
    get(number) {
      reads++
      return values.get(number)
    },
    write(puts) {
      for (const [number, bytes] of puts) values.set(number, Buffer.from(bytes))
    },
    close: async () => undefined,
  }
  const table = new StateTable<{ at: number }>(new Journal(), { due: (value) => value.at })
  table.shelf = new Shelf(store, (_, cause) => cause as Error)
  for (const due of [7, 8, 9]) {
    const bytes = Buffer.from(JSON.stringify({ at: due }))
    table.restore(`due at ${due}`, bytes, 0, bytes.length, { live: 0 })
  }
  for (const step of table.ordering()) expect(step).toBeUndefined()
  reads = 0
  for (let i = 0; i < 100; i++) expect(table.firstDueBy(6)).toBeUndefined()
  expect(reads).toBe(0)
  expect(table.firstDueBy(7)).toEqual({ key: 'due at 7', at: 7, value: { at: 7 } })
  expect(reads).toBe(1)
})
