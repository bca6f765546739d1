/**
 * Drain, cancel and pause reach every task, also one that discovery is just about to start: what ends, ends with all its
 * tasks. The workflows are the real ones; their activities are slow on purpose.
 */
import { fileURLToPath } from 'node:url'
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { PipelineClient } from 'tidemark/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EpochInput, EpochResult, SessionInput } from '../../src/protocol/epoch.js'
import { newTask } from '../../src/protocol/new-task.js'
import { temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil } from '../setup/wait-until.js'

const queue = uniqueName('ending')
const settings = {
  taskQueue: queue,
  checkpointMs: 5_000,
  heartbeatMs: 30_000,
  idleMs: 60_000,
  maxHistoryEvents: 10_000,
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** By pipeline: how often its partitions were counted, and what tells that a late task is looked for. */
const looks = new Map<string, number>()
const lateLook = new Map<string, () => void>()
const stops = new Map<string, () => void>()

const control = {
  'tidemark.describePipeline': async ({ pipeline }: { readonly pipeline: string }) => ({
    pipeline,
    stages: [{ id: 'main', sources: [], steps: [], sinks: [] }],
    guarantee: { value: 'exactly-once', because: '' },
    fingerprint: 'f',
    settings,
    discoveryMs: 1_000,
    searchAttributes: false,
    input: { until: null, fresh: false, from: null },
  }),
  'tidemark.discoverPartitions': async ({ pipeline }: { readonly pipeline: string }) => {
    const look = (looks.get(pipeline) ?? 0) + 1
    looks.set(pipeline, look)
    return { partitions: look === 1 ? 1 : 2, gone: [], progress: [] }
  },
  'tidemark.takeOver': async (asked: {
    readonly pipeline: string
    readonly partitions: readonly number[]
    readonly late: boolean
  }) => {
    const { pipeline, partitions, late } = asked
    if (late) {
      lateLook.get(pipeline)?.()
      await sleep(700)
    }
    return {
      tasks: partitions.map((p) => newTask({ pipeline, stage: 'main', partition: p, settings, origin: { s: '0' } })),
    }
  },
}
const claims = {
  'tidemark.claim': async () => ({ queue: `${queue}/s`, worker: 'w', furthest: null, ledgers: {}, identities: {} }),
}
const keyOf = ({ pipeline, partition }: SessionInput): string => `${pipeline}/${partition}`
const sessions = {
  'tidemark.runEpoch': async (input: EpochInput): Promise<EpochResult> => {
    await new Promise<void>((resolve) => {
      stops.set(keyOf(input), resolve)
      setTimeout(resolve, 20_000)
    })
    const nothing = { ledgers: {}, read: 0, written: 0, lag: 0, commits: 0 }
    return { epoch: input.epoch, positions: input.positions, ...nothing, ended: 'idle' }
  },
  // The pipeline is still ending when the late task is there.
  'tidemark.interrupt': async (input: SessionInput) => void setTimeout(() => stops.get(keyOf(input))?.(), 1_500),
  'tidemark.release': async () => undefined,
}

let connection: NativeConnection
let client: Client
let runs: Promise<void>[]
let workers: Worker[]

beforeAll(async () => {
  const address = temporalAddress()
  connection = await NativeConnection.connect({ address })
  client = new Client({ connection: await Connection.connect({ address }) })
  const workflowsPath = fileURLToPath(new URL('../../dist/workflows/index.js', import.meta.url))
  workers = [
    await Worker.create({ connection, taskQueue: queue, workflowsPath, activities: control }),
    await Worker.create({ connection, taskQueue: `${queue}/claims`, activities: claims }),
    await Worker.create({ connection, taskQueue: `${queue}/s`, activities: sessions }),
  ]
  runs = workers.map((worker) => worker.run())
})

afterAll(async () => {
  for (const worker of workers) worker.shutdown()
  await Promise.all(runs)
  await client.connection.close()
  await connection.close()
})

const statusOf = async (workflowId: string): Promise<string> => {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'NONE'
    throw error
  }
}

it.concurrent.each(['drain', 'cancel', 'pause'] as const)('%s', { timeout: 300_000 }, async (how) => {
  const name = uniqueName(`late-${how}`)
  const pipelines = new PipelineClient(client)
  const late = new Promise<void>((resolve) => lateLook.set(name, resolve))
  await pipelines.start(name, { taskQueue: queue })
  await late
  const handle = pipelines.get(name)
  if (how === 'pause') await handle.pause({ reason: 'now', timeout: '2m' })
  else await handle[how]({ timeout: '2m' })
  // The late one begins as paused, a moment later where its look has taken longer.
  const both = async () => {
    const status = await handle.status()
    return status.tasks.length === 2 && status.tasks.every((task) => task.state !== 'starting') ? status : null
  }
  const { state, tasks } = await (how === 'pause' ? waitUntil(both, { for: 'both tasks' }) : handle.status())
  const ended = { drain: 'drained', cancel: 'cancelled', pause: 'paused' } as const
  expect(state).toBe({ drain: 'completed', cancel: 'cancelled', pause: 'paused' }[how])
  expect(new Set(tasks.map((task) => task.state))).toEqual(new Set([ended[how]]))
  for (const id of [handle.workflowId, ...[0, 1].map((p) => `tidemark/${name}/main/${p}`)]) {
    if (how === 'pause') {
      expect(await statusOf(id), id).toBe('RUNNING')
      await client.workflow.getHandle(id).terminate('the test is over')
    } else {
      // A task says that it has ended a moment before it does.
      await waitUntil(async () => (await statusOf(id)) !== 'RUNNING', { for: `${id} to be over` })
    }
  }
})
