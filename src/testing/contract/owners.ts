import type { Receipt } from '../../definition/sink.js'
import type { Check } from './check.js'
import {
  codeOf,
  expect,
  expectEqual,
  fenced,
  owner,
  positionOf,
  settled,
  upTo,
  type Claim,
  type World,
} from './world.js'

/** Several owners, stopped between two calls at most: who may commit. */
export const ownerChecks: readonly Check[] = [
  {
    name: 'an older owner cannot commit after a newer one has opened',
    async run(world) {
      const older = await world.claim(owner(1, 1, 1))
      await older.write(2)
      await older.commit()
      await older.write(1)
      const newer = await world.claim(owner(1, 1, 2))
      expectEqual(newer.writer.receipt, older.last, 'the receipt of the newer writer')
      await fenced(older.commit(), newer.owner, "the older owner's commit must fail")
      await world.expectVisible([0, 1], "after the older owner's attempt")
      await onlyHolder(world, newer, newer.fence)
    },
  },
  {
    name: 'nor without items',
    async run(world) {
      const older = await world.claim(owner(1, 1, 1))
      const newer = await world.claim(owner(1, 2, 1))
      await fenced(older.commit(), newer.owner, "the older owner's empty commit must fail")
      await onlyHolder(world, newer, newer.fence)
    },
  },
  {
    name: 'nor after the newer one has committed many times',
    async run(world) {
      const older = await world.claim(owner(1, 1, 1))
      await older.write(1)
      const newer = await world.claim(owner(1, 1, 2))
      await newer.write(1)
      for (let n = 0; n < 2 * world.commits; n++) await newer.commit()
      await fenced(older.commit(), newer.owner, "the older owner's commit must fail")
      await onlyHolder(world, newer, newer.last)
    },
  },
  {
    name: 'whatever an older owner still does harms nobody',
    async run(world) {
      const older = await world.claim(owner(1, 1, 1))
      await older.write(1)
      const newer = await world.claim(owner(1, 1, 2))
      await newer.write(2)
      await older.write(1).catch(ignore)
      await older.abort().catch(ignore)
      await older.close().catch(ignore)
      await world.expectVisible([], 'before the newer owner has committed')
      await newer.commit()
      await onlyHolder(world, newer, newer.last)
    },
  },
  {
    name: 'a stale claim that opens late is refused, and leaves its successor unharmed',
    async run(world) {
      const successor = await world.claim(owner(1, 1, 2))
      await successor.write(1)
      await fenced(world.claim(owner(1, 1, 1)), successor.owner, 'a stale claim must not open')
      await successor.commit()
      await fenced(world.claim(owner(1, 1, 1)), successor.owner, 'a stale claim must not open')
      await onlyHolder(world, successor, successor.last)
    },
  },
  {
    name: 'of one owner that opens twice, only the last writer commits',
    async run(world) {
      const first = await world.claim(owner(1, 1, 1))
      await first.write(1)
      const second = await world.claim(owner(1, 1, 1))
      expectEqual(second.writer.receipt, first.fence, 'the receipt of the second writer')
      await fenced(first.commit(), second.owner, "the first writer's commit must fail")
      await onlyHolder(world, second, second.fence)
    },
  },
  {
    name: 'an equal owner of another run is refused',
    async run(world) {
      const holder = await world.claim(owner(1, 1, 1, 'run-1'))
      await fenced(world.claim(owner(1, 1, 1, 'run-2')), holder.owner, 'another run with equal numbers must not open')
      await onlyHolder(world, holder, holder.fence)
    },
  },
  {
    name: 'a new generation begins at its start, and ends the old one',
    async run(world) {
      const old = await world.claim(owner(1, 5, 9))
      await old.write(2)
      await old.commit()
      const fresh = await world.claim(owner(2, 1, 1))
      expectEqual(fresh.writer.receipt, old.last, 'the receipt of the new generation')
      expectEqual(await world.inspect(), fresh.fence, 'the receipt in the ledger')
      expectEqual(positionOf(fresh.fence), 0, 'where the new generation begins')
      await fenced(old.commit(), fresh.owner, "the old generation's commit must fail")
      await fenced(world.claim(owner(1, 5, 10)), fresh.owner, 'the old generation must not open')
      await fresh.write(1)
      await fresh.commit()
      await world.expectVisible([0, 1, 0], 'after a commit of the new generation')
    },
  },
  {
    name: 'what was read at opening stays true until the first commit',
    async run(world) {
      const first = await world.claim(owner(1, 1, 1))
      await first.write(1)
      await first.commit()
      const older = await world.claim(owner(1, 1, 2))
      await older.write(1)
      const holder = await world.claim(owner(1, 1, 3))
      await older.commit().catch(ignore)
      await first.commit().catch(ignore)
      await world.claim(owner(1, 1, 2)).catch(ignore)
      await older.close().catch(ignore)
      expectEqual(await world.inspect(), holder.fence, 'the receipt in the ledger')
      expectEqual(positionOf(holder.writer.receipt), 1, 'the position read at opening')
      await onlyHolder(world, holder, holder.fence)
    },
  },
  {
    name: 'of owners that open at once, the newest holds the ledger',
    async run(world) {
      const claims = [3, 6, 1, 5, 2, 4].map((claim) => owner(1, 1, claim))
      const opened = await Promise.allSettled(claims.map((as) => world.claim(as)))
      const writers = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      const newest = writers.find((claim) => claim.owner.claim === 6)
      expect(newest !== undefined, `the newest owner must open: ${String(rejectionOf(opened[1]))}`)
      for (const writer of writers)
        if (writer !== newest) await fenced(writer.commit(), newest.owner, 'only the newest may commit')
      expectEqual(newest.fence.seq, writers.length, 'one fence receipt for each opening')
      await unlessFenced(world, newest, () => onlyHolder(world, newest, newest.fence))
    },
  },
  {
    name: 'a commit and an opening at once: the receipt tells which came first',
    async run(world) {
      const older = await world.claim(owner(1, 1, 1))
      await older.write(3)
      const [committed, opened] = await Promise.allSettled([older.commit(), world.claim(owner(1, 1, 2))])
      expect(opened.status === 'fulfilled', `the newer owner must open: ${String(rejectionOf(opened))}`)
      const newer = opened.value
      const seen = positionOf(newer.writer.receipt)
      if (committed.status === 'fulfilled') expectEqual(seen, 3, 'the position read, when the commit had resolved')
      await onlyHolder(world, newer, newer.fence)
    },
  },
]

/** `work` of a holder among stale openings; where one may have cost it its writer, the next owner is the only holder in its place. */
async function unlessFenced(world: World, holder: Claim, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const next = await inPlaceOf(world, holder, error)
    await onlyHolder(world, next, next.fence)
  }
}

/** The owner after one whom a stale opening has cost its writer. Throws what else may have stopped that one. */
export async function inPlaceOf(world: World, lost: Claim, error: unknown): Promise<Claim> {
  if (codeOf(error) !== 'SinkUnavailable' || !world.isFencing(error)) throw error
  await settled(lost.close())
  const next = await world.claim(owner(1, 1, lost.owner.claim + 1))
  expectEqual(next.writer.receipt, lost.last, 'what the owner after a fenced one finds')
  return next
}

/** `holder` has the ledger at `receipt`: readers see what that says, and it can go on from there, alone. */
export async function onlyHolder(world: World, holder: Claim, receipt: Receipt): Promise<void> {
  expectEqual(await world.inspect(), receipt, 'the receipt in the ledger')
  const before = positionOf(receipt)
  await world.expectVisible(upTo(before), 'with the newer owner')
  if (holder.position > before) await holder.abort()
  await holder.write(2)
  await holder.commit()
  expectEqual(await world.inspect(), holder.last, 'the receipt after the commit of the newer owner')
  await world.expectVisible(upTo(before + 2), 'after the commit of the newer owner')
}

const ignore = (): void => {}

const rejectionOf = (result: PromiseSettledResult<unknown> | undefined): unknown =>
  result?.status === 'rejected' ? result.reason : undefined
