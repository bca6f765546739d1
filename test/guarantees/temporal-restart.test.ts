import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { startTemporal, type TemporalServer } from '../../src/dev/temporal-server.js'
import { brokers } from '../setup/shared-servers.js'
import { NOTHING_WRONG, partitions, Scene } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: a Temporal server that is killed with SIGKILL in the middle of an epoch and comes back with its database
 * stops no pipeline for good and makes nothing be lost, doubled or reordered, whether sessions outlive it or not.
 */

let temporal: TemporalServer
let scene: Scene

beforeAll(async () => {
  temporal = await startTemporal()
})

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

afterAll(() => temporal.stop())

it.each([
  ['at once', 0],
  ['after every session has missed its heartbeat', 5_000],
])(
  'goes on by itself when the server is back %s',
  async (when, awayMs) => {
    scene = await Scene.open({
      temporalAddress: temporal.address,
      brokers: brokers(),
      perSecond: 1_000,
      heartbeatTimeout: '3s',
      commit: '200ms',
      checkpoint: '2s',
    })
    await scene.begin(2)
    await scene.midEpoch(0)
    const fault = scene.beforeFault()
    await temporal.kill()
    expect(temporal.pid()).toBe(null)
    await sleep(awayMs)
    await temporal.restart()
    const back = scene.beforeFault()
    // Of an epoch that the server has begun since: the one under way needed no server.
    const times = await scene.nextCommits(fault, partitions(), (next) => {
      const last = back.before[next.partition]?.commit
      return next.at > back.at && (next.epoch !== last?.epoch || next.owner.claim > last.owner.claim)
    })
    tellTimes(`Temporal killed to the first commit of a new epoch, back ${when}`, times)
    tellTimes('of which the server was away', back.at - fault.at)
    const pauses = partitions().map((partition) => [partition, scene.longestPause(partition, fault.at)] as const)
    tellTimes('longest pause between two commits', new Map(pauses))
    // Sessions that the server had given up had committed meanwhile: that was executed again, muted.
    const caughtUp = await Promise.all(partitions().map((partition) => scene.caughtUp(partition, fault)))
    if (awayMs > 0) expect(caughtUp.flat()).not.toEqual([])
    expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
  },
  400_000,
)
