/**
 * Pausing stands the whole pipeline or one partition still, soon also where it idles; resuming goes on with the next record;
 * commands that make no sense are refused.
 */
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { definePipeline, json } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'
import { Output } from './output.js'
import { Rig, tell } from './rig.js'
import { numbers, Topics } from './topics.js'

const PARTITIONS = 2
const names = {
  busy: uniqueName('pause-busy'),
  one: uniqueName('pause-one'),
  idle: uniqueName('pause-idle'),
  handed: uniqueName('pause-handed'),
}
type Case = keyof typeof names
const cases = Object.keys(names) as Case[]
const outputs = {} as Record<Case, Output>
let topics: Topics
let rig: Rig
/** Its worker is stopped and another one started. */
let handed: Rig

beforeAll(async () => {
  topics = new Topics()
  for (const one of cases) {
    outputs[one] = await Output.make()
    await topics.make(names[one], PARTITIONS)
  }
  const pipelines = cases.map((one) =>
    definePipeline({
      name: names[one],
      sources: { numbers: kafkaSource({ topic: names[one], value: json(z.object({ n: z.number() })) }) },
      steps: ({ numbers: read }) =>
        read.map('same', (value) => value).to('files', fileSink({ directory: outputs[one].directory, origin: true })),
      checkpoint: { interval: '5s' },
    }),
  )
  rig = await Rig.start({ pipelines })
  handed = await Rig.start({ pipelines: pipelines.filter((pipeline) => pipeline.name === names.handed) })
})

afterAll(async () => {
  await rig.close()
  await handed.close()
  await topics.close()
  for (const one of cases) await outputs[one].remove()
})

const positions = async (name: string): Promise<number[]> =>
  (await rig.status(name)).tasks.map((task) => Number(task.positions['numbers']))

const written = async (one: Case): Promise<number[]> =>
  await Promise.all([0, 1].map(async (p) => (await outputs[one].positions(p)).length))

/** Nothing more comes out, for longer than a commit takes. */
async function expectStandstill(one: Case, partitions: readonly number[]): Promise<void> {
  const before = await written(one)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const after = await written(one)
  for (const p of partitions) expect(after[p], `partition ${p}`).toBe(before[p])
}

describe.concurrent('pausing', () => {
  it('ends what is under way at a checkpoint; resuming goes on behind it', { timeout: 300_000 }, async () => {
    const name = names.busy
    const flow = topics.flow(name, PARTITIONS)
    const handle = await rig.begin(name)
    for (let times = 1; times <= 3; times++) {
      await rig.until(name, ({ tasks }) => tasks.length === PARTITIONS && tasks.every((task) => task.worker !== null))
      const before = await written('busy')
      await waitUntil(() => flow.sent > (before[0] ?? 0) + 50)
      await handle.pause({ reason: `a look at it, ${times}` })
      const { state, paused, tasks } = await rig.status(name)
      expect(state).toBe('paused')
      expect(paused?.reason).toBe(`a look at it, ${times}`)
      expect(tasks.map((task) => [task.state, task.paused?.reason, task.worker])).toEqual(
        [0, 1].map(() => ['paused', `a look at it, ${times}`, null]),
      )
      // All that was read is written and recorded: nothing is in between.
      expect(await written('busy')).toEqual(await positions(name))
      await expectStandstill('busy', [0, 1])
      await handle.resume({ reason: 'seen' })
    }
    const count = await flow.stop()
    await rig.until(name, ({ tasks }) => tasks.every((task) => Number(task.positions['numbers']) === count))
    expect((await rig.status(name)).paused).toBeNull()
    await handle.drain()
    await outputs.busy.expectNumbers([count, count])
  })

  it('one partition leaves the others alone', { timeout: 300_000 }, async () => {
    const name = names.one
    const flow = topics.flow(name, PARTITIONS)
    const handle = await rig.begin(name)
    await rig.until(name, ({ tasks }) => tasks.length === PARTITIONS)
    await handle.pause({ partition: 1, reason: 'this one only' })
    const status = await rig.status(name)
    expect(status.state).toBe('running')
    expect(status.tasks.map((task) => task.state)).toEqual(['running', 'paused'])
    const [, stopped] = await written('one')
    await waitUntil(async () => ((await written('one'))[0] ?? 0) > 200, { timeoutMs: 45_000 })
    expect((await written('one'))[1]).toBe(stopped)
    await handle.resume({ partition: 1 })
    const count = await flow.stop()
    await rig.until(name, ({ tasks }) => tasks.every((task) => Number(task.positions['numbers']) === count))
    await handle.drain()
    await outputs.one.expectNumbers([count, count])
  })

  it('an idle pipeline interrupts its long epoch', { timeout: 300_000 }, async () => {
    const name = names.idle
    const handle = await rig.begin(name)
    const idle = ({ tasks }: { tasks: readonly { activity: { type: string; state: string } | null }[] }): boolean =>
      tasks.length === PARTITIONS &&
      tasks.every(({ activity }) => activity?.type === 'tidemark.runEpoch' && activity.state === 'started')
    await rig.until(name, idle)
    const asked = performance.now()
    await handle.pause({ reason: 'nothing happens anyway' })
    const tookMs = performance.now() - asked
    tell(`pause of an idle pipeline: ${Math.round(tookMs)} ms, in an epoch of 60 s`)
    expect(tookMs).toBeLessThan(30_000)
    await topics.send(name, 0, numbers(3))
    await expectStandstill('idle', [0])
    expect(await outputs.idle.files()).toEqual([])
    await handle.resume()
    await waitUntil(async () => (await written('idle'))[0] === 3, { timeoutMs: 45_000 })
    await handle.cancel()
  })

  it('outlasts the worker', { timeout: 300_000 }, async () => {
    const name = names.handed
    await topics.send(name, 0, numbers(10))
    const handle = await handed.begin(name)
    await handed.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === 10)
    await handle.pause({ reason: 'over night' })
    await handed.stopWorker()
    await topics.send(name, 0, numbers(10, 10))
    await handed.startWorker()
    await expectStandstill('handed', [0, 1])
    expect((await handed.status(name)).tasks.map((task) => task.state)).toEqual(['paused', 'paused'])
    await handle.resume()
    await handed.until(name, ({ tasks }) => Number(tasks[0]?.positions['numbers']) === 20)
    await handle.drain()
    await outputs.handed.expectNumbers([20, 0])
  })
})

describe('a command', () => {
  it('to a pipeline that is not there, or has ended, is told so', { timeout: 300_000 }, async () => {
    const unknown = rig.pipelines.get(uniqueName('nowhere'))
    const commands = [
      () => unknown.status(),
      () => unknown.pause({ reason: 'x' }),
      () => unknown.resume(),
      () => unknown.drain(),
      () => unknown.cancel(),
      () => unknown.result(),
    ]
    for (const give of commands) {
      await expect(give()).rejects.toMatchObject({
        code: 'PipelineNotFound',
        message: expect.stringContaining(`there is no pipeline '${unknown.name}'`),
      })
    }
    const ended = rig.pipelines.get(names.busy)
    for (const give of [
      () => ended.pause({ reason: 'x' }),
      () => ended.resume(),
      () => ended.drain(),
      () => ended.cancel(),
    ]) {
      await expect(give()).rejects.toMatchObject({
        code: 'PipelineNotFound',
        message: `pipeline '${ended.name}' is not running: its last run is completed`,
      })
    }
  })

  it('that makes no sense is refused, and changes nothing', { timeout: 300_000 }, async () => {
    const name = names.one
    const handle = await rig.begin(name)
    await rig.until(name, ({ tasks }) => tasks.length === PARTITIONS && tasks.every((task) => task.worker !== null))
    await expect(handle.pause({ partition: 9, reason: 'x' })).rejects.toMatchObject({
      code: 'InvalidCommand',
      message: expect.stringContaining('there is no such task: partition 9'),
    })
    await expect(handle.resume({ stage: 'elsewhere' })).rejects.toMatchObject({ code: 'InvalidCommand' })
    await expect(handle.pause({ reason: ' ' })).rejects.toMatchObject({ code: 'InvalidCommand' })
    const workflow = rig.client.workflow.getHandle(handle.workflowId)
    const whole = { reason: 'x', partition: null, stage: null, acceptCodeChange: false }
    const wrong: readonly (readonly [given: unknown, says: string])[] = [
      [null, 'a command is an object'],
      ['pause', 'a command is an object'],
      [{ ...whole, kind: 'explode' }, 'kind has to be pause, resume or drain, not "explode"'],
      [{ ...whole, kind: 'pause', reason: 7 }, 'reason has to be a text'],
      [{ ...whole, kind: 'pause', partition: 'one' }, 'partition has to be a number or null'],
      [{ ...whole, kind: 'pause', stage: 5 }, 'stage has to be a name or null'],
      [{ ...whole, kind: 'drain', partition: 0 }, 'drain is for the whole pipeline'],
    ]
    for (const [given, says] of wrong) {
      const refused = await workflow
        .executeUpdate('tidemark.command', { args: [given] })
        .catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(WorkflowUpdateFailedError)
      expect((refused as WorkflowUpdateFailedError).cause?.message).toContain(says)
    }
    const { events } = await workflow.fetchHistory()
    expect(events?.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes)).toEqual([])
    expect((await rig.status(name)).tasks.map((task) => task.state)).toEqual(['running', 'running'])
    await handle.cancel()
  })
})
