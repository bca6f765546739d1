import { setTimeout as sleep } from 'node:timers/promises'
import type { Owner } from '../../definition/sink.js'
import { Actor, StepFailed } from './actor.js'
import type { Check } from './check.js'
import { compareOwners } from './fence.js'
import { onlyHolder } from './owners.js'
import { codeOf, expect, expectEqual, owner, positionOf, settled, upTo, type World } from './world.js'

/** Many owners, at random but with a fixed seed. */
export const crowdChecks: readonly Check[] = [
  {
    name: 'owners killed one after the other, anywhere, lose nothing and repeat nothing',
    async run(world) {
      const random = seeded(1)
      let safe = 0
      for (let n = 1; n <= KILLED; n++) {
        const actor = new Actor({ mishap: 'kill', stopAt: Math.floor(random() * STEPS) })
        const life = actor.run(async () => {
          const claim = await world.claim(owner(1, 1, n))
          const found = positionOf(claim.writer.receipt)
          expect(found >= safe, `owner ${n} found position ${found}, though ${safe} had been committed`)
          safe = found
          for (let commit = 0; commit < 3; commit++) {
            await claim.write(Math.floor(random() * 3))
            await claim.commit()
            safe = claim.position
          }
        })
        const error = await settled(life)
        if (error !== null && !isKill(error)) throw error
      }
      const last = await world.claim(owner(1, 1, KILLED + 1))
      expect(positionOf(last.writer.receipt) >= safe, `the last owner found less than the ${safe} committed`)
      await onlyHolder(world, last, last.fence)
    },
  },
  ...[2, 3, 4].map((seed) => ({
    name: `many owners at once, each stopped now and then, write each output once (seed ${seed})`,
    run: (world: World) => crowd(world, seed),
  })),
]

/** How many owners die, and about how many steps the longest of their lives has. */
const KILLED = 60
const STEPS = 70
const OWNERS = 10

/** What is known to be in the ledger: a fence receipt of an opening, or a commit, that has resolved. */
interface Known {
  readonly seq: number
  readonly owner: Owner
}

async function crowd(world: World, seed: number): Promise<void> {
  const random = seeded(seed)
  const known: Known[] = []
  const delay = async (): Promise<void> => {
    const luck = random()
    if (luck < 0.04) await sleep(random() * 80)
    else if (luck < 0.3) await sleep(0)
  }
  const live = async (as: Owner): Promise<void> => {
    await sleep(as.claim * 15 * random())
    const before = highest(known)
    const claim = await world.claim(as)
    const found = claim.found?.seq ?? 0
    expect(found >= before, `an opening found seq ${found}, though ${before} had been committed when it began`)
    known.push({ seq: claim.fence.seq, owner: as })
    for (let n = 0; n < 12; n++) {
      await claim.write(Math.floor(random() * 3))
      const limit = highest(known.filter((other) => compareOwners(other.owner, as) > 0))
      const receipt = await claim.commit()
      expect(limit === 0, `${as.claim} committed seq ${receipt.seq} after a newer owner had opened with seq ${limit}`)
      known.push({ seq: receipt.seq, owner: as })
    }
  }
  const lives = Array.from({ length: OWNERS }, (_, n) => owner(1, 1, n + 1))
  const ends = await Promise.all(lives.map((as) => settled(new Actor({ delay }).run(() => live(as)))))
  for (const error of ends) if (error !== null && !world.isFencing(error)) throw error
  const newest = ends.at(-1) ?? null
  // By a stale opening: a newer owner than itself there is none.
  if (codeOf(newest) !== 'SinkUnavailable') expectEqual(newest, null, 'what stops the newest owner')

  const inOrder = known.toSorted((a, b) => a.seq - b.seq)
  for (const [index, { seq, owner: as }] of inOrder.entries()) {
    const next = inOrder[index + 1]
    if (next === undefined) break
    expect(next.seq > seq, `seq ${seq} was committed twice, by claims ${as.claim} and ${next.owner.claim}`)
    expect(compareOwners(next.owner, as) >= 0, `owners decrease from seq ${seq} to ${next.seq}`)
  }
  const last = await world.claim(owner(1, 1, OWNERS + 1))
  expect((last.found?.seq ?? 0) >= highest(known), 'the last owner finds all that was committed')
  await world.expectVisible(upTo(positionOf(last.writer.receipt)), 'with the last owner')
  await onlyHolder(world, last, last.fence)
}

const highest = (known: readonly Known[]): number => Math.max(0, ...known.map(({ seq }) => seq))

/** A sink may wrap what its I/O failed with. */
function isKill(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof StepFailed) return true
  return false
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
