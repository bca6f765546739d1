import { afterEach, expect, it } from 'vitest'

import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { NOTHING_WRONG, Scene } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: a worker that is told to end with SIGTERM in the middle of an epoch commits what it has processed, hands
 * its partitions over without anybody waiting for a time-out, and loses, doubles and reorders nothing.
 */

let scene: Scene

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

it('hands over on SIGTERM without a time-out, again and again', async () => {
  // Far longer than the test: whoever waited for a heartbeat to be missed would be found out.
  scene = await Scene.open({
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    perSecond: 1_000,
    heartbeatTimeout: '60s',
    checkpoint: '5s',
  })
  await scene.begin(2)
  for (let round = 1; round <= 3; round++) {
    const owner = await scene.ownerOf(0)
    const affected = await scene.ownedBy(owner)
    const seen = scene.commits.of(0).length
    await scene.until('the next checkpoint', () => scene.commits.of(0).length > seen, { every: 5 })
    await new Promise((resolve) => setTimeout(resolve, 700))
    const fault = scene.beforeFault()
    const ended = owner.terminate()
    const handedOver = await scene.nextCommits(
      fault,
      affected,
      (next, { commit }) => next.owner.claim > commit.owner.claim,
    )
    tellTimes(`SIGTERM to the next worker's first commit, round ${round}`, handedOver)
    expect(await ended, owner.log).toMatchObject({ code: 0 })
    for (const partition of affected) {
      const last = scene.commits.dataOf(partition).filter((commit) => commit.at > fault.at)[0]
      // Its last word: what it had processed since its last checkpoint.
      expect(last?.owner.claim).toBe(fault.before[partition]?.commit.owner.claim)
      const { activities } = await scene.past(partition)
      expect(activities.filter(({ outcome }) => outcome !== 'completed')).toEqual([])
    }
    expect(Math.max(...handedOver.values())).toBeLessThan(20_000)
    if (round < 3) await scene.addWorker()
  }
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
}, 200_000)
