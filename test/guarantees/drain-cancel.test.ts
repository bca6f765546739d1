/**
 * Draining finishes and checkpoints what was read, then completes; cancelling ends at the next checkpoint. Neither leaves
 * anything half done, or running.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { WorkflowUpdateFailedError } from '@temporalio/client'
import { definePipeline, json } from 'tidemark'
import type { PipelineStatus } from 'tidemark/client'
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
const COUNT = 30
const names = {
  drain: uniqueName('end-drain'),
  cancel: uniqueName('end-cancel'),
  paused: uniqueName('end-paused'),
  parked: uniqueName('end-parked'),
  command: uniqueName('end-command'),
  task: uniqueName('end-task'),
  unfinished: uniqueName('end-unfinished'),
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
    await topics.make(names[one], one === 'unfinished' ? 1 : PARTITIONS)
  }
  const pipelines = cases.map((one) =>
    definePipeline({
      name: names[one],
      sources: { numbers: kafkaSource({ topic: names[one], value: json(z.object({ n: z.number() })) }) },
      steps: ({ numbers: read }) =>
        read.map('same', (value) => value).to('files', fileSink({ directory: outputs[one].directory, origin: true })),
      commit: { interval: '100ms' },
      checkpoint: { interval: '20s' },
    }),
  )
  rig = await Rig.start({ pipelines })
  handed = await Rig.start({ pipelines: pipelines.filter((pipeline) => pipeline.name === names.unfinished) })
})

afterAll(async () => {
  await rig.close()
  await handed.close()
  await topics.close()
  for (const one of cases) await outputs[one].remove()
})

const written = async (one: Case, partition: number): Promise<number> =>
  (await outputs[one].positions(partition)).length

async function writing(one: Case, more: number): Promise<void> {
  for (let p = 0; p < PARTITIONS; p++) {
    await waitUntil(async () => (await written(one, p)) >= more, { for: `${more} records`, timeoutMs: 45_000 })
  }
}

/** What is recorded is what is written, all workflows have ended so, and none is left. */
async function expectEnded(one: Case, workflow: string, task: string): Promise<void> {
  const name = names[one]
  const { state, tasks } = await rig.status(name)
  expect(state).toBe(workflow)
  expect(tasks.map((t) => t.state)).toEqual([task, task])
  expect(tasks.map((t) => t.worker)).toEqual([null, null])
  for (const { workflowId } of tasks) {
    expect(await rig.endOf(workflowId)).toBe('COMPLETED')
  }
  const recorded = tasks.map((t) => Number(t.positions['numbers']))
  expect([await written(one, 0), await written(one, 1)], 'written as recorded').toEqual(recorded)
  await outputs[one].expectNumbers(recorded)
}

/** Whether the pipeline's newest run had accepted a command before it started its first task. */
async function wasToldBeforeTasks(workflowId: string): Promise<boolean> {
  const { events } = await rig.client.workflow.getHandle(workflowId).fetchHistory()
  const first = events?.find(
    (event) =>
      event.workflowExecutionUpdateAcceptedEventAttributes ?? event.startChildWorkflowExecutionInitiatedEventAttributes,
  )
  return first?.workflowExecutionUpdateAcceptedEventAttributes != null
}

describe.concurrent('a pipeline', () => {
  it('drains: at a checkpoint, without waiting for the next one', { timeout: 300_000 }, async () => {
    const flow = topics.flow(names.drain, PARTITIONS)
    const handle = await rig.begin(names.drain)
    await writing('drain', 50)
    const asked = performance.now()
    await handle.drain()
    tell(`drain in mid-epoch: ${Math.round(performance.now() - asked)} ms, checkpoints are 20 s apart`)
    await flow.stop()
    const { counters } = await handle.result()
    expect(counters.read).toBe((await written('drain', 0)) + (await written('drain', 1)))
    await expectEnded('drain', 'completed', 'drained')
    const refused = rig.client.workflow.getHandle(handle.workflowId).executeUpdate('tidemark.command', { args: [{}] })
    await expect(refused).rejects.toThrow()
  })

  it('is cancelled as any workflow is, at a checkpoint', { timeout: 300_000 }, async () => {
    const flow = topics.flow(names.cancel, PARTITIONS)
    const handle = await rig.begin(names.cancel)
    await writing('cancel', 50)
    await rig.client.workflow.getHandle(handle.workflowId).cancel()
    const failure = await handle.result().catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'CancelledFailure' })
    await flow.stop()
    await expectEnded('cancel', 'cancelled', 'cancelled')
    expect((await rig.client.workflow.getHandle(handle.workflowId).describe()).status.name).toBe('CANCELLED')
  })

  it('drains while it is paused', { timeout: 300_000 }, async () => {
    const flow = topics.flow(names.paused, PARTITIONS)
    const handle = await rig.begin(names.paused)
    await writing('paused', 50)
    await handle.pause({ reason: 'first this' })
    await handle.drain()
    await flow.stop()
    await expectEnded('paused', 'completed', 'drained')
  })

  it('drains with a parked task, whose record the next start meets again', { timeout: 300_000 }, async () => {
    const name = names.parked
    await topics.send(name, 0, [...numbers(5), 'bad', ...numbers(4, 6)])
    await topics.send(name, 1, numbers(10))
    const handle = await rig.begin(name)
    await rig.until(name, ({ tasks }) => tasks[0]?.state === 'parked')
    await waitUntil(async () => (await written('parked', 1)) === 10, { for: 'the other partition to be written' })
    await handle.drain()
    await expectEnded('parked', 'completed', 'drained')
    await rig.begin(name)
    const { tasks } = await rig.until(name, ({ tasks: all }) => all[0]?.state === 'parked')
    expect(tasks[0]?.problem?.message).toContain('record 5 of partition 0')
    await rig.pipelines.get(name).cancel()
    await outputs.parked.expectNumbers([5, 10])
  })

  it('refuses to be cancelled by a command: Temporal would call that a failure', { timeout: 300_000 }, async () => {
    const handle = await rig.begin(names.command)
    await rig.until(names.command, ({ state }) => state === 'running')
    const command = { kind: 'cancel', reason: 'enough', partition: null, stage: null, acceptCodeChange: false }
    const workflow = rig.client.workflow.getHandle(handle.workflowId)
    const refused = await workflow.executeUpdate('tidemark.command', { args: [command] }).catch((e: unknown) => e)
    expect(refused).toBeInstanceOf(WorkflowUpdateFailedError)
    expect((refused as WorkflowUpdateFailedError).cause?.message).toBe('to cancel a pipeline, cancel its workflow')
    await handle.cancel()
    await expectEnded('command', 'cancelled', 'cancelled')
  })

  it('ends with its tasks, cancelled one by one', { timeout: 300_000 }, async () => {
    const name = names.task
    await topics.send(name, 0, numbers(10))
    const handle = await rig.begin(name)
    await waitUntil(async () => (await written('task', 0)) === 10, { timeoutMs: 45_000 })
    const { tasks } = await rig.until(name, (status) => status.tasks.length === PARTITIONS)
    for (const { workflowId } of tasks) await rig.client.workflow.getHandle(workflowId).cancel()
    await handle.result().catch(() => undefined)
    await expectEnded('task', 'completed', 'cancelled')
  })

  it(
    'drains an epoch that an older run left unfinished: up to its ledger, and no further',
    { timeout: 600_000 },
    async () => {
      const name = names.unfinished
      for (let from = 0, tries = 1; ; from += 3 * COUNT, tries++) {
        const [recorded, furthest, all] = [from + COUNT, from + 2 * COUNT, from + 3 * COUNT]
        await topics.send(name, 0, numbers(COUNT, from))
        await handed.begin(name, { checkpointInterval: '5m' })
        // A session's first epoch is short. Behind it nothing is recorded for minutes.
        const isRecorded = ({ tasks }: PipelineStatus): boolean => tasks[0]?.positions['numbers'] === String(recorded)
        await handed.until(name, isRecorded, { for: 'the first checkpoint' })
        await topics.send(name, 0, numbers(COUNT, recorded))
        await waitUntil(async () => (await written('unfinished', 0)) === furthest, { for: `${furthest} records` })
        const [before] = (await handed.status(name)).tasks
        await handed.terminateAll(name)
        await handed.stopWorker()
        expect(before?.positions, 'the ledger is ahead of history').toEqual({ numbers: String(recorded) })
        await topics.send(name, 0, numbers(all - furthest, furthest))
        // The command is to be there before the task of the new run is.
        const handle = await handed.begin(name)
        const drained = handle.drain()
        // Nothing shows an update that no worker has taken yet: a busy machine is given time to send it.
        await sleep(4_000)
        await handed.startWorker()
        await drained
        const inTime = await wasToldBeforeTasks(handle.workflowId)
        // It may have come later all the same: then the task was right to go on, and the case has to be made again.
        if (!inTime && tries < 4) {
          await (await handed.begin(name, { until: 'latest' })).result()
          continue
        }
        expect(inTime, 'the drain came before the task').toBe(true)
        const epoch = (before?.epoch ?? 0) + 1
        expect((await handed.status(name)).tasks[0]).toMatchObject({ epoch, positions: { numbers: String(furthest) } })
        await outputs.unfinished.expectNumbers([furthest])
        return
      }
    },
  )
})
