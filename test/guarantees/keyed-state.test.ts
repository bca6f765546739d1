import { afterEach, expect, it } from 'vitest'

import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { NOTHING_WRONG, Scene } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: keyed state is what all records before gave, whoever holds it: after a worker was killed with SIGKILL in the
 * middle of an epoch, past what it had committed, and after another was asked to end. Every output tells what state held.
 */

let scene: Scene

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

it('goes on with the state of the last checkpoint, and all that was committed since', async () => {
  scene = await Scene.open({
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    perSecond: 1_000,
    keeps: true,
    heartbeatTimeout: '2s',
    commit: '200ms',
    checkpoint: '4s',
  })
  await scene.begin(2)
  const owner = await scene.ownerOf(0)
  const affected = await scene.ownedBy(owner)
  await scene.midEpoch(0)
  const killed = scene.beforeFault()
  await owner.kill()
  const times = await scene.nextCommits(killed, affected, (next, { commit }) => next.owner.claim > commit.owner.claim)
  tellTimes('kill -9 to the next commit with keyed state, heartbeat time-out 2 s', times)
  // Its ledger was ahead of the checkpoint: state was made again from there.
  expect(await scene.caughtUp(0, killed)).toContain(String(scene.lastCommitOf(0, killed)?.position))

  await scene.addWorker()
  const next = await scene.ownerOf(0)
  const handed = await scene.ownedBy(next)
  const asked = scene.beforeFault()
  await next.terminate()
  await scene.nextCommits(asked, handed, (one, { commit }) => one.owner.claim > commit.owner.claim)
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
}, 400_000)
