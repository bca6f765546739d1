import { afterEach, expect, it } from 'vitest'

import { NOTHING_WRONG, partitions, Scene } from '../setup/scene/scene.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: a task goes through 200 checkpoints and at least 10 continue-as-new, with pauses and resumes sent all the
 * while, and nothing is lost, doubled or reordered; every command takes effect.
 */

let scene: Scene

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

it('carries position and commands through at least 10 continue-as-new', async () => {
  scene = await Scene.open({ temporalAddress: temporalAddress(), brokers: brokers(), perSecond: 500 })
  await scene.begin(2, { checkpointMs: 100, maxHistoryEvents: 80 })
  scene.beforeFault()
  let paused = 0
  for (let round = 0; (await newestEpoch(0)) < 200; round++) {
    const partition = round % 3 === 0 ? null : round % partitions().length
    await scene.command('pause', partition)
    await scene.until('the pause to take effect', async () => (await stateOf(partition ?? 0)).phase === 'paused')
    paused++
    await scene.command('resume', partition)
    await scene.until('the resume to take effect', async () => (await stateOf(partition ?? 0)).phase === 'running')
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  expect(scene.feed.finished).toBe(false)
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })
  expect(paused).toBeGreaterThan(5)
  const runs = await runsOf(0)
  process.stdout.write(`  200 checkpoints over ${runs} runs, ${paused} pauses and resumes\n`)
  expect(runs).toBeGreaterThan(10)
}, 240_000)

const taskId = (partition: number): string => `tidemark/${scene.pipeline}/main/${partition}`

interface Standing {
  readonly phase: string
  readonly checkpoint: { readonly epoch: number }
}

const stateOf = (partition: number): Promise<Standing> =>
  scene.client.workflow.getHandle(taskId(partition)).query<Standing>('tidemark.task')

const newestEpoch = async (partition: number): Promise<number> => (await stateOf(partition)).checkpoint.epoch

/** How many runs a task had, followed back from its last one. */
async function runsOf(partition: number): Promise<number> {
  let { runId }: { runId: string } = await scene.client.workflow.getHandle(taskId(partition)).describe()
  for (let runs = 1; ; runs++) {
    const { events } = await scene.client.workflow.getHandle(taskId(partition), runId).fetchHistory()
    const before = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId
    if (before === undefined || before === null || before === '') return runs
    runId = before
  }
}
