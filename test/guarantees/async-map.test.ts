import { readFile } from 'node:fs/promises'
import { afterEach, expect, it } from 'vitest'

import { readOutput } from '../oracle/read-output.js'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { NOTHING_WRONG, Scene } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'

/**
 * The promise: behind `asyncMap`, whose function answers otherwise each time, each output is there once and in order when a
 * worker is killed with SIGKILL in the middle of an epoch. What was committed is not asked again; what was not, is, under
 * the same key.
 */

let scene: Scene

afterEach(async () => {
  await scene.close()
  expect(leakedWorkers()).toEqual([])
})

it('commits one answer for each value, whatever was asked twice', async () => {
  scene = await Scene.open({
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    perSecond: 1_000,
    asks: true,
    heartbeatTimeout: '2s',
    commit: '200ms',
    checkpoint: '3s',
  })
  await scene.begin(2)
  const owner = await scene.ownerOf(0)
  const affected = await scene.ownedBy(owner)
  await scene.midEpoch(0)
  const fault = scene.beforeFault()
  await owner.kill()
  const times = await scene.nextCommits(fault, affected, (next, { commit }) => next.owner.claim > commit.owner.claim)
  tellTimes('kill -9 to the next commit behind asyncMap, heartbeat time-out 2 s', times)
  // Its ledger was ahead of the checkpoint.
  const [held] = await scene.caughtUp(0, fault)
  expect(Number(held)).toBeGreaterThanOrEqual(fault.before[0]?.commit.position ?? Infinity)
  expect(await scene.finish()).toMatchObject({ oracle: NOTHING_WRONG, ledgers: [] })

  const asked = await calls()
  const answers = await outputs()
  expect(new Set(answers.map(({ call }) => call)).size).toBe(answers.length)
  expect(answers.filter(({ key, call }) => asked.get(key)?.includes(call) !== true)).toEqual([])
  const twice = [...asked].filter(([, some]) => some.length > 1).map(([key]) => key)
  // In hand when the worker was killed.
  expect(twice.length).toBeGreaterThan(0)
  expect(twice.filter((key) => isBelow(key, Number(held)))).toEqual([])
}, 400_000)

/** Answers by key. */
async function calls(): Promise<Map<string, string[]>> {
  const asked = new Map<string, string[]>()
  for (const line of (await readFile(scene.calls, 'utf8')).trimEnd().split('\n')) {
    const [key = '', call = ''] = line.split(' ')
    asked.set(key, [...(asked.get(key) ?? []), call])
  }
  return asked
}

/** What was committed, with the key that it must have been asked under. */
async function outputs(): Promise<{ readonly key: string; readonly call: string }[]> {
  const lines = [...(await readOutput(scene.directory)).values()].flat()
  return lines.map((line) => {
    const { partition, offset, value, call } = JSON.parse(line) as Readonly<Record<string, string>>
    const nth = value?.endsWith('b') === true ? 1 : 0
    return { key: `${scene.pipeline}/main/numbers-${partition}-${offset}-ask-${nth}`, call: call ?? '' }
  })
}

/** Of partition 0, from before that position. */
function isBelow(key: string, position: number): boolean {
  const [, partition, at] = /\/numbers-(\d+)-(\d+)-ask-\d$/.exec(key) ?? []
  return partition === '0' && Number(at) < position
}
