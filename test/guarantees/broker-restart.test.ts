import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { startKafka, type KafkaServer } from '../../src/dev/kafka-server.js'
import { temporalAddress } from '../setup/shared-servers.js'
import { NOTHING_WRONG, partitions, Scene } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: a Kafka broker that is killed with SIGKILL in the middle of an epoch and comes back a while later stops
 * no pipeline for good, parks no task, and makes nothing be lost, doubled or reordered.
 */

let kafka: KafkaServer
let scene: Scene

beforeAll(async () => {
  kafka = await startKafka()
})

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

afterAll(() => kafka.stop())

it('goes on by itself when the broker is back', async () => {
  scene = await Scene.open({
    temporalAddress: temporalAddress(),
    brokers: kafka.brokers,
    perSecond: 1_000,
    commit: '200ms',
    checkpoint: '3s',
  })
  await scene.begin(2)
  await scene.midEpoch(0)
  const fault = scene.beforeFault()
  await kafka.kill()
  expect(kafka.pid()).toBe(null)
  // Longer than requests and connections take to fail.
  await sleep(4_000)
  await kafka.restart()
  const restored = Date.now()
  // What was in the topic before may have been read ahead.
  const times = await scene.nextCommits(
    fault,
    partitions(),
    (next, { end }) => next.at > restored && next.position > end,
  )
  tellTimes('broker killed to the next commit of new records', times)
  tellTimes('of which the broker was away', restored - fault.at)
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
}, 400_000)
