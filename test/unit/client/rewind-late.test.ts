import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import picocolors from 'picocolors'
import { beforeEach, expect, test } from 'vitest'
import { rewindView } from '../../../src/cli/views/rewind-view.js'
import { PipelineClient } from '../../../src/client/pipeline-client.js'
import { newTask } from '../../../src/protocol/new-task.js'
import type { TaskState } from '../../../src/protocol/task.js'
import { clientWith, History } from '../control/history.js'
import { settings } from '../workflows/states.js'

const place = { pipeline: 'old', stage: 'main', partition: 0 }
const blank: TaskState = newTask({ ...place, settings, origin: { numbers: '0' } })
const kept: TaskState = { ...blank, checkpoint: { ...blank.checkpoint, epoch: 7, positions: { numbers: '70' } } }
const tasks = [{ stage: 'main', partition: 0, generation: 1, epoch: 7, recordedAt: 1_000, bytes: 0 }]

let started: unknown[]

/** A server whose namespace no longer has any history of pipeline `old`: only its savepoint `before`, which is open. */
function client(): Client {
  const getHandle = (workflowId: string, runId?: string) => {
    const missing = (): never => {
      throw new WorkflowNotFoundError('not found', workflowId, runId)
    }
    return {
      describe: async () =>
        workflowId === 'tidemark/old/savepoint/before'
          ? {
              status: { name: 'RUNNING' },
              taskQueue: 'streams',
              memo: { tidemark: { pipeline: 'old', label: 'before', at: 1_000, tasks } },
            }
          : missing(),
      fetchHistory: async () =>
        workflowId === 'tidemark/old/savepoint/before/main/0'
          ? { events: new History().started(kept).events }
          : missing(),
    }
  }
  const start = async (_: string, { taskQueue, args }: { taskQueue: string; args: unknown[] }) => {
    started.push(taskQueue, ...args)
    return { firstExecutionRunId: 'run' }
  }
  async function* list() {}
  const { options } = clientWith([])
  return { options, workflow: { getHandle, start, list } } as unknown as Client
}

beforeEach(() => {
  started = []
})

test('a savepoint is gone back to when the namespace has nothing else of its pipeline any more', async () => {
  const pipelines = new PipelineClient(client())
  const plan = await pipelines.planRewind('old', { to: { savepoint: 'before' } })
  expect(plan).toEqual({
    pipeline: 'old',
    taskQueue: 'streams',
    running: false,
    // How far it had come is forgotten: nobody can say how many records that is.
    tasks: [
      {
        stage: 'main',
        partition: 0,
        generation: 1,
        epoch: 7,
        recordedAt: 1_000,
        from: { numbers: '70' },
        to: {},
        records: null,
      },
    ],
    sinks: [],
  })
  const text = rewindView(plan, picocolors.createColors(false))
  expect(text).toContain('outputs of records of 1 task will be written again, in a new generation, to all its sinks')
  await pipelines.rewind('old', { to: { savepoint: 'before' } })
  expect(started).toMatchObject(['streams', { pipeline: 'old', rewind: { to: { savepoint: 'before' } } }])
})

test('and forked from', async () => {
  await new PipelineClient(client()).fork('old', 'new', { from: { savepoint: 'before' } })
  expect(started).toMatchObject(['streams', { pipeline: 'new', rewind: { of: 'old', to: { savepoint: 'before' } } }])
})

test('what was not kept is gone', async () => {
  const pipelines = new PipelineClient(client())
  for (const to of [{ savepoint: 'after' }, { epoch: 7 }])
    await expect(pipelines.planRewind('old', { to })).rejects.toMatchObject({ code: 'PipelineNotFound' })
  const other = { to: { savepoint: 'before' }, partition: 3 }
  await expect(pipelines.planRewind('old', other)).rejects.toMatchObject({ code: 'InvalidCommand' })
})
