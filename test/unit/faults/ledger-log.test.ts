import { beforeEach, expect, it } from 'vitest'
import { LedgerLog, type Sighting, sightingIn } from '../../../faults/sinks/ledger-log.js'

const owner = { generation: 1, incarnation: 2, claim: 3 }
const first: Sighting = { partition: 0, seq: 5, owner, position: 100 }
const ends = new Map([[0, { lastOutput: 118, end: 121 }]])

let log: LedgerLog

beforeEach(() => {
  log = new LedgerLog()
  log.take(first)
})

it('reads a receipt', () => {
  const json = JSON.stringify({ version: 1, seq: 5, owner: { ...owner, runId: 'r' }, positions: { 'in-0': '100' } })
  expect(sightingIn(0, json)).toMatchObject(first)
})

it.each([119, 121])('finds nothing wrong with one that goes on and ends at %i', (position) => {
  log.take(first)
  log.take({ ...first, seq: 9, owner: { ...owner, claim: 4 }, position })
  expect(log.faults(ends)).toEqual([])
})

it.each<[string, Partial<Sighting>, string]>([
  ['goes back', { seq: 4 }, 'it went back'],
  ['is written over', { position: 101 }, 'it was changed'],
  ['is taken back by an older owner', { seq: 6, owner: { ...owner, claim: 2 } }, 'of an older owner'],
  ['forgets how far it was', { seq: 6, position: 99 }, 'from position 100 back to 99'],
])('tells one that %s', (_, change, told) => {
  log.take({ ...first, ...change })
  log.take({ ...first, seq: 9, position: 121 })
  expect(log.faults(ends)[0]).toContain(told)
})

it.each([118, 122])('tells one that ends at %i, before the last output or behind the topic', (position) => {
  log.take({ ...first, seq: 9, position })
  expect(log.faults(ends)).toEqual([`partition 0: the ledger ends at ${position}, the topic at 121, outputs at 118`])
})

it('tells one that nobody has seen', () => {
  expect(log.faults(new Map([[1, { lastOutput: 1, end: 2 }]]))).toHaveLength(1)
})
