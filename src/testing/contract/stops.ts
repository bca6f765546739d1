import type { Receipt } from '../../definition/sink.js'
import { Actor, type Mishap } from './actor.js'
import type { StopCheck } from './check.js'
import { inPlaceOf, onlyHolder } from './owners.js'
import { type Claim, codeOf, expect, expectEqual, owner, settled, upTo, type World } from './world.js'

/** One owner has a mishap at any of its steps, and a newer one opens. Each step has a place of its own. */
export const stopChecks: readonly StopCheck[] = [
  {
    name: 'an owner that is stopped at any step and goes on cannot take the ledger back',
    run: (world, stopAt) => overtaken(world, stopAt, 'stop'),
  },
  {
    name: 'an owner that is killed at any step leaves all of a commit or nothing',
    run: (world, stopAt) => overtaken(world, stopAt, 'kill'),
  },
  {
    name: 'an owner whose I/O fails at any step, and that is closed, leaves all of a commit or nothing',
    run: (world, stopAt) => overtaken(world, stopAt, 'fail'),
  },
  {
    name: 'an opening that is stopped at any step and goes on does not harm its successor',
    async run(world, stopAt) {
      // Something to finish, and something to clear away.
      const first = await world.claim(owner(1, 1, 1))
      await first.write(2)
      await first.commit()
      await first.write(1)
      return await overtaken(world, stopAt, 'stop')
    },
  },
]

/** An owner lives and has its mishap; another one takes over; if it was only stopped, it goes on. False: it had none. */
async function overtaken(world: World, stopAt: number, mishap: Mishap): Promise<boolean> {
  const actor = new Actor({ stopAt, mishap })
  const resolved: Receipt[] = []
  const end = settled(actor.run(() => live(world, resolved)))
  const stopped = await Promise.race([actor.reached.then(() => true), end.then(() => false)])
  if (mishap !== 'stop') await end

  const successor = await world.claim(owner(1, 1, 3))
  const seq = successor.writer.receipt?.seq ?? 0
  for (const receipt of resolved) {
    expect(receipt.seq <= seq, `commit ${receipt.seq} had resolved, and the next opening finds ${seq}`)
  }
  await onlyHolder(world, successor, successor.fence)
  // Enough that the ledger is tidied up, then something on its way.
  for (let n = 0; n < world.commits; n++) await successor.commit()
  await successor.write(2)

  actor.release()
  const error = await end
  for (const receipt of resolved) {
    expect(receipt.seq <= seq, `commit ${receipt.seq} resolved after a newer owner had opened at ${seq}`)
  }
  if (stopped && mishap === 'stop' && error !== null) {
    expectEqual(codeOf(error), 'GenerationFenced', 'what the stopped owner is told')
  }
  if (!stopped && error !== null) throw error
  const holder = await unharmed(world, successor)
  await onlyHolder(world, holder, holder.last)
  const last = await world.claim(owner(1, 1, 5))
  expectEqual(last.writer.receipt, holder.last, 'the receipt of the next writer')
  await world.expectVisible(upTo(holder.position), 'in the end')
  return stopped
}

/** The successor commits; where a stale opening may have fenced it, the next owner does in its place. */
async function unharmed(world: World, successor: Claim): Promise<Claim> {
  const error = await settled(successor.commit())
  if (error === null) return successor
  const next = await inPlaceOf(world, successor, error)
  await next.write(2)
  await next.commit()
  return next
}

/** As the engine does: after a rejection, nothing but close. */
async function live(world: World, resolved: Receipt[]): Promise<void> {
  const claim = await world.claim(owner(1, 1, 2))
  try {
    await claim.write(2)
    resolved.push(await claim.commit())
    await claim.write(1)
    await claim.abort()
    await claim.write(1)
    await claim.write(1)
    resolved.push(await claim.commit())
    resolved.push(await claim.commit())
  } catch (error) {
    await settled(claim.close())
    throw error
  }
  await claim.close()
}
