import type { Receipt } from '../../definition/sink.js'
import { Actor } from './actor.js'
import type { StopCheck } from './check.js'
import { onlyHolder } from './owners.js'
import { codeOf, expect, expectEqual, owner, settled, upTo, type World } from './world.js'

/** One owner stopped or killed at any of its steps, while a newer one opens. Each stop has a place of its own. */
export const stopChecks: readonly StopCheck[] = [
  {
    name: 'an owner that is stopped at any step and goes on cannot take the ledger back',
    run: (world, stopAt) => overtaken(world, new Actor({ stopAt }), false),
  },
  {
    name: 'an owner that is killed at any step leaves all of a commit or nothing',
    run: (world, stopAt) => overtaken(world, new Actor({ stopAt, kill: true }), true),
  },
  {
    name: 'an opening that is stopped at any step and goes on does not harm its successor',
    async run(world, stopAt) {
      // Something to finish, and something to clear away.
      const first = await world.claim(owner(1, 1, 1))
      await first.write(2)
      await first.commit()
      await first.write(1)
      return await overtaken(world, new Actor({ stopAt }), false)
    },
  },
]

/** An owner lives, is stopped or killed where `actor` says, and another one takes over meanwhile. False: it wasn't. */
async function overtaken(world: World, actor: Actor, killed: boolean): Promise<boolean> {
  const resolved: Receipt[] = []
  const life = actor.run(async () => {
    const claim = await world.claim(owner(1, 1, 2))
    await claim.write(2)
    resolved.push(await claim.commit())
    await claim.write(1)
    await claim.write(1)
    resolved.push(await claim.commit())
    resolved.push(await claim.commit())
    await claim.close()
  })
  const end = settled(life)
  const stopped = await Promise.race([actor.reached.then(() => true), end.then(() => false)])
  if (killed) await end

  const successor = await world.claim(owner(1, 1, 3))
  const found = successor.writer.receipt
  const seq = found?.seq ?? 0
  for (const receipt of resolved)
    expect(receipt.seq <= seq, `commit ${receipt.seq} had resolved, and the receipt is of ${seq}`)
  await onlyHolder(world, successor, successor.fence)
  // Enough that the ledger is tidied up, then something to find.
  for (let n = 0; n < world.commits; n++) await successor.commit()
  await successor.write(1)
  await successor.commit()

  actor.release()
  const error = await end
  for (const receipt of resolved)
    expect(receipt.seq <= seq, `commit ${receipt.seq} resolved after a newer owner had opened at ${seq}`)
  if (stopped && !killed && error !== null)
    expectEqual(codeOf(error), 'GenerationFenced', 'what the stopped owner is told')
  if (!stopped && error !== null) throw error
  await onlyHolder(world, successor, successor.last)
  const third = await world.claim(owner(1, 1, 4))
  expectEqual(third.writer.receipt, successor.last, 'the receipt of the next writer')
  await world.expectVisible(upTo(successor.position), 'in the end')
  return stopped
}
