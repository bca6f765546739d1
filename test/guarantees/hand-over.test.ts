import { setTimeout as sleep } from 'node:timers/promises'
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

it.each([
  ['in the middle of an epoch', 700],
  ['between two epochs', 0],
])(
  'hands over on SIGTERM %s without a time-out',
  async (when, afterMs) => {
    scene = await Scene.open({
      temporalAddress: temporalAddress(),
      brokers: brokers(),
      perSecond: 1_000,
      // Far longer than the test: whoever waited for a heartbeat to be missed would be found out.
      heartbeatTimeout: '60s',
      checkpoint: '3s',
    })
    await scene.begin(2)
    const owner = await scene.ownerOf(0)
    const affected = await scene.ownedBy(owner)
    const seen = scene.commits.of(0).length
    await scene.until('the next checkpoint', () => scene.commits.of(0).length > seen, { every: 5 })
    await sleep(afterMs)
    const fault = scene.beforeFault()
    const ended = owner.terminate()
    const times = await scene.nextCommits(fault, affected, (next, { commit }) => next.owner.claim > commit.owner.claim)
    tellTimes(`SIGTERM ${when} to the next worker's first commit`, times)
    expect(await ended, owner.log).toMatchObject({ code: 0 })
    tellTimes('SIGTERM to its end', Date.now() - fault.at)
    for (const partition of affected) {
      const { activities } = await scene.past(partition)
      expect(activities.filter(({ outcome }) => outcome !== 'completed')).toEqual([])
      expect(activities.filter(({ result }) => result['ended'] === 'released')).toHaveLength(1)
    }
    // Its last word: what it had processed since its last checkpoint.
    const [last] = scene.commits.of(0).filter(({ at }) => at > fault.at)
    if (afterMs > 0) expect(last?.owner.claim).toBe(fault.before[0]?.commit.owner.claim)
    expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
  },
  400_000,
)
