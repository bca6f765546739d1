import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'

import { NOTHING_WRONG, partitions, Scene } from '../setup/scene/scene.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: position and state are carried through continue-as-new, and so is every command. A task makes 120
 * checkpoints and continues as new at least 10 times while it is paused and resumed over and over: each command takes
 * effect, each epoch is recorded once, and nothing is lost, doubled or reordered.
 */

const CHECKPOINTS = 120

let scene: Scene

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

it('carries position and commands through at least 10 continue-as-new', async () => {
  scene = await Scene.open({ temporalAddress: temporalAddress(), brokers: brokers(), perSecond: 500 })
  await scene.begin(2, { checkpointMs: 100, maxHistoryEvents: 50 })
  let rounds = 0
  // As many rounds as that, however fast checkpoints are made meanwhile.
  for (; rounds <= 10 || (await scene.task(0)).checkpoint.epoch < CHECKPOINTS; rounds++) {
    scene.beforeFault()
    // One task after the other, and now and then all of them.
    const partition = rounds % 3 === 0 ? null : rounds % partitions().length
    await scene.command('pause', partition)
    await haveAll(partition, 'paused')
    const [one = 0] = told(partition)
    const pausedAt = Date.now()
    await sleep(150)
    expect(scene.commits.of(one).filter(({ at }) => at > pausedAt)).toEqual([])
    await scene.command('resume', partition)
    await haveAll(partition, 'running')
    await scene.until('a commit after the resume', () => (scene.commits.newest(one)?.at ?? 0) > pausedAt)
    await sleep(1_500)
  }
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })

  const pasts = await Promise.all(partitions().map((partition) => scene.past(partition)))
  for (const { activities } of pasts) {
    const recorded = activities.filter(({ type, outcome }) => type === 'tidemark.runEpoch' && outcome === 'completed')
    expect(recorded.map(({ result }) => result['epoch'])).toEqual(recorded.map((_, index) => index + 1))
  }
  const [first] = pasts
  process.stdout.write(
    `  ${rounds} rounds of pause and resume; runs per task: ${pasts.map(({ runs }) => runs).join(', ')}\n`,
  )
  expect(first?.runs).toBeGreaterThan(10)
  expect(rounds).toBeGreaterThan(10)
}, 480_000)

const told = (partition: number | null): number[] => (partition === null ? partitions() : [partition])

async function haveAll(partition: number | null, phase: string): Promise<void> {
  await scene.until(`${partition ?? 'all'} to be ${phase}`, async () => {
    const tasks = await Promise.all(told(partition).map((one) => scene.task(one)))
    // A task that is to pause finishes its epoch first, then gives its session up.
    return tasks.every((task) => task.phase === phase && (phase === 'running' || task.session === null))
  })
}
