import { describe, expect, test } from 'vitest'
import { craftBatch, craftMarker } from './craft-batch.js'
import { readSet, valuesOf } from './read-set.js'

const inTransaction = (baseOffset: number, producerId: number, ...values: string[]): Buffer =>
  craftBatch({
    baseOffset,
    producerId,
    transactional: true,
    records: values.map((value, offsetDelta) => ({ offsetDelta, value })),
  })
const outside = (baseOffset: number, producerId: number, value: string): Buffer =>
  craftBatch({ baseOffset, producerId, records: [{ offsetDelta: 0, value }] })

const read = (batches: readonly Buffer[], aborted: readonly (readonly [number, number])[], from = 0): string[] => {
  const transactions = aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset }))
  return valuesOf(readSet(Buffer.concat(batches), { aborted: transactions, from }).records)
}

describe('aborted transactions are left out', () => {
  const interleaved = [
    inTransaction(0, 1, 'a0', 'a1'),
    inTransaction(2, 2, 'b2'),
    inTransaction(3, 3, 'c3'),
    inTransaction(4, 1, 'a4'),
    craftMarker(5, 2, 'commit'),
    inTransaction(6, 3, 'c6'),
    craftMarker(7, 1, 'abort'),
    craftMarker(8, 3, 'abort'),
    inTransaction(9, 1, 'a9'),
    craftMarker(10, 1, 'commit'),
  ]

  test('interleaved with committed ones, in whatever order the broker lists them', () => {
    expect(read(interleaved, [[1, 0], [3, 3]])).toEqual(['2:b2', '9:a9']) // prettier-ignore
    expect(read(interleaved, [[3, 3], [1, 0]])).toEqual(['2:b2', '9:a9']) // prettier-ignore
  })

  test('when the fetch starts within several of them', () => {
    expect(read(interleaved.slice(3), [[3, 3], [1, 0]], 4)).toEqual(['9:a9']) // prettier-ignore
  })

  test('of a producer that aborts, commits and aborts again', () => {
    const batches = [
      inTransaction(0, 1, 'x'),
      craftMarker(1, 1, 'abort'),
      inTransaction(2, 1, 'y'),
      craftMarker(3, 1, 'commit'),
      inTransaction(4, 1, 'z'),
      craftMarker(5, 1, 'abort'),
    ]
    expect(read(batches, [[1, 4], [1, 0]])).toEqual(['2:y']) // prettier-ignore
  })

  test('whose end is not in this fetch', () => {
    expect(read([inTransaction(0, 1, 'x'), outside(1, 2, 'y')], [[1, 0]])).toEqual(['1:y'])
  })

  test('but not what the same producer writes outside of any', () => {
    expect(read([outside(0, 1, 'before'), inTransaction(1, 1, 'x'), outside(2, 1, 'beside')], [[1, 1]])).toEqual([
      '0:before',
      '2:beside',
    ])
  })

  test('and a user’s key that looks like a marker is none', () => {
    const key = Buffer.from([0, 0, 0, 0])
    const marker = { baseOffset: 0, producerId: 1, transactional: true, records: [{ offsetDelta: 0, key, value: 'm' }] }
    expect(read([craftBatch(marker), inTransaction(1, 1, 'x'), craftMarker(2, 1, 'abort')], [[1, 0]])).toEqual([])
    expect(read([craftBatch(marker), inTransaction(1, 1, 'x'), craftMarker(2, 1, 'commit')], [])).toEqual([
      '0:m',
      '1:x',
    ])
  })

  test('and a marker that compaction has emptied ends nothing', () => {
    const emptied = craftBatch({ baseOffset: 1, producerId: 1, transactional: true, control: true, records: [] })
    expect(read([inTransaction(0, 1, 'x'), emptied, outside(2, 2, 'y')], [[1, 0]])).toEqual(['2:y'])
  })

  test('unless uncommitted records are wanted', () => {
    const all = readSet(Buffer.concat(interleaved), { committed: false, aborted: [] })
    expect(valuesOf(all.records)).toEqual(['0:a0', '1:a1', '2:b2', '3:c3', '4:a4', '6:c6', '9:a9'])
    expect(all.next).toBe(11)
  })
})
