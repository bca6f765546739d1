import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'

import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { freezeMidEpoch } from '../setup/scene/freeze-mid-epoch.js'
import { NOTHING_WRONG, Scene } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: a worker that stands still (SIGSTOP) past its heartbeat, and goes on (SIGCONT) in the middle of its epoch
 * after another has taken its partitions over, commits nothing more. Nothing is lost, doubled or reordered.
 */

let scene: Scene

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

it('lets a worker that comes back from the dead commit nothing', async () => {
  scene = await Scene.open({
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    perSecond: 1_000,
    heartbeatTimeout: '2s',
    commit: '200ms',
    checkpoint: '4s',
  })
  await scene.begin(2)
  const zombie = await scene.ownerOf(0)
  const affected = await scene.ownedBy(zombie)
  let fault = scene.beforeFault()
  await freezeMidEpoch(scene.client, zombie, scene.taskId(0), async () => {
    await scene.midEpoch(0)
    fault = scene.beforeFault()
  })
  const times = await scene.nextCommits(fault, affected, (next, { commit }) => next.owner.claim > commit.owner.claim)
  tellTimes('SIGSTOP to the next commit, heartbeat time-out 2 s', times)
  expect(zombie.isFrozen).toBe(true)
  zombie.thaw()
  const thawed = Date.now()
  await scene.until('the zombie to be told off', () => /GenerationFenced|SessionLost/.test(zombie.log), { every: 20 })
  tellTimes('SIGCONT to its first refusal', Date.now() - thawed)
  const since = (partition: number) => scene.commits.of(partition).filter(({ at }) => at > thawed)
  await sleep(3_000)
  await scene.until('others to go on', () => affected.every((partition) => since(partition).length > 3))
  for (const partition of affected) {
    const { commit } = fault.before[partition] ?? {}
    expect(since(partition).filter(({ owner }) => owner.claim <= (commit?.owner.claim ?? 0))).toEqual([])
  }
  // It is a worker like others again: it may claim, and it ends in order.
  expect(zombie.runs).toBe(true)
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
}, 400_000)
