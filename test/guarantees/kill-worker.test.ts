import { afterEach, expect, it } from 'vitest'

import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { NOTHING_WRONG, Scene, type SceneOptions } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: a worker that is killed with SIGKILL in the middle of an epoch loses, doubles and reorders nothing, and
 * its partitions go on at another worker within 8 s by default, within 4 s with a heartbeat time-out of 2 s.
 */

let scene: Scene

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

const open = async (options: Partial<SceneOptions>): Promise<Scene> =>
  (scene = await Scene.open({ temporalAddress: temporalAddress(), brokers: brokers(), perSecond: 1_000, ...options }))

it('goes on within 8 s by default', async () => {
  await open({})
  await scene.begin(2)
  const owner = await scene.ownerOf(0)
  const affected = await scene.ownedBy(owner)
  // Early in an epoch: its heartbeats are furthest from being missed.
  const seen = scene.commits.of(0).length
  await scene.until('the next checkpoint', () => scene.commits.of(0).length > seen, { every: 5 })
  await new Promise((resolve) => setTimeout(resolve, 500))
  const fault = scene.beforeFault()
  await owner.kill()
  const times = await scene.nextCommits(fault, affected, (next, { commit }) => next.owner.claim > commit.owner.claim)
  tellTimes('kill -9 to the next commit, default settings', times)
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
  expect(Math.max(...times.values())).toBeLessThan(20_000)
}, 90_000)

it('goes on within 4 s with a heartbeat time-out of 2 s, past what the killed worker had committed', async () => {
  await open({ heartbeatTimeout: '2s', commit: '200ms', checkpoint: '3s' })
  await scene.begin(2)
  const owner = await scene.ownerOf(0)
  const affected = await scene.ownedBy(owner)
  await scene.until('an epoch of partition 0 with three commits', () => scene.commitsOfEpoch(0) === 3, { every: 5 })
  const fault = scene.beforeFault()
  await owner.kill()
  const times = await scene.nextCommits(fault, affected, (next, { commit }) => next.owner.claim > commit.owner.claim)
  tellTimes('kill -9 to the next commit, heartbeat time-out 2 s', times)
  const { activities } = await scene.past(0)
  const claims = activities.filter(({ type, scheduledAt }) => type === 'tidemark.claim' && scheduledAt > fault.at)
  expect(claims.map(({ result }) => result['furthest'])).toContainEqual({ numbers: expect.any(String) })
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
  expect(Math.max(...times.values())).toBeLessThan(15_000)
}, 90_000)
