import { expect, it } from 'vitest'
import { schedule } from '../../../faults/schedule.js'
import { allKinds } from '../../../faults/kinds/all.js'
import { Seeded } from '../../simulation/seeded.js'

const offer = { points: ['kafka Fetch', 'kafka EndTxn'], links: ['kafka', 'temporal'], servers: ['broker', 'temporal'] }
const kinds = [...allKinds(offer).values()]

function faults(seed: number, count: number): string[] {
  const found: string[] = []
  for (const { pauseMs, fault } of schedule(new Seeded(seed), kinds, offer)) {
    found.push(`${pauseMs} ${fault.kind} ${fault.target}`)
    if (found.length === count) break
  }
  return found
}

it('gives the same faults for the same seed, and others for others', () => {
  expect(faults(1, 200)).toEqual(faults(1, 200))
  expect(faults(1, 200)).not.toEqual(faults(2, 200))
})

it('lets every kind come once before any comes again', () => {
  const drawn = faults(3, 3 * kinds.length).map((told) => told.split(' ')[1])
  for (const round of [0, 1, 2]) {
    const deck = drawn.slice(round * kinds.length, (round + 1) * kinds.length)
    expect(new Set(deck)).toEqual(new Set(allKinds(offer).keys()))
  }
})
