/**
 * The plugin runs pipelines beside a user's own workflows and activities and leaves those as they are; also in a worker
 * that has none, with a prebuilt bundle, on the connection, with several workers, and in replay.
 */
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { Client, type WorkflowHandle } from '@temporalio/client'
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker'
import { definePipeline, json, type Pipeline } from 'tidemark'
import { PipelineClient } from 'tidemark/client'
import { fileSink } from 'tidemark/file'
import { kafkaSource } from 'tidemark/kafka'
import { TidemarkPlugin } from 'tidemark/plugin'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { Output } from './output.js'
import { numbers, Topics } from './topics.js'
import type { greeting, UsersActivities } from './users-workflows.js'

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })

const COUNT = 20
const topic = uniqueName('beside')
const workflowsPath = fileURLToPath(new URL('./users-workflows.ts', import.meta.url))
const activities: UsersActivities = { greet: async (name) => `hello ${name}` }
const unhandled: unknown[] = []

let topics: Topics
let bundle: WorkflowBundle

beforeAll(async () => {
  topics = new Topics()
  await topics.make(topic, 1)
  await topics.send(topic, 0, numbers(COUNT))
  bundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') })
})

afterAll(async () => {
  await topics.close()
  expect(unhandled).toEqual([])
})

/** A pipeline, a plugin for it, and queues, all of one test's own. */
class Setting {
  readonly name = uniqueName('beside')
  readonly taskQueue = uniqueName('tidemark')
  readonly usersQueue = uniqueName('users')
  readonly output: Output
  readonly pipeline: Pipeline
  readonly plugin: TidemarkPlugin

  private constructor(output: Output) {
    this.output = output
    this.pipeline = definePipeline({
      name: this.name,
      sources: { numbers: kafkaSource({ topic, value: json(z.object({ n: z.number() })) }) },
      steps: ({ numbers: read }) => read.to('files', fileSink({ directory: output.directory, origin: true })),
    })
    const { pipeline, taskQueue } = this
    this.plugin = new TidemarkPlugin({ pipelines: [pipeline], kafka: { brokers: brokers() }, taskQueue })
  }

  static async make(): Promise<Setting> {
    return new Setting(await Output.make())
  }

  /** Runs workers while `work` is done on their connection; they have to end by themselves then. */
  async during(
    workers: readonly Partial<WorkerOptions>[],
    work: (client: Client, workers: readonly Worker[]) => Promise<void>,
    onConnection = false,
  ): Promise<void> {
    const plugins = [this.plugin]
    const connection = await NativeConnection.connect({
      address: temporalAddress(),
      ...(onConnection && { plugins }),
    })
    let failed = true
    try {
      const running: Worker[] = []
      for (const [i, options] of workers.entries()) {
        const taskQueue = i === 0 ? this.usersQueue : `${this.usersQueue}-${i}`
        running.push(await Worker.create({ connection, taskQueue, ...(!onConnection && { plugins }), ...options }))
      }
      const [first, ...others] = running
      let whole = (): Promise<void> => work(new Client({ connection }), running)
      for (const worker of others) {
        const inner = whole
        whole = () => worker.runUntil(inner)
      }
      await first?.runUntil(whole)
      failed = false
    } finally {
      // Where workers failed, some may hold it still: that is not what went wrong.
      await connection.close().catch((error: unknown) => {
        if (!failed) throw error
      })
      await this.output.remove()
    }
  }

  /** The pipeline reads all there is, and writes it once. */
  async runPipeline(client: Client): Promise<void> {
    const run = await new PipelineClient(client).start(this.name, { taskQueue: this.taskQueue, until: 'latest' })
    await run.result()
    await this.output.expectNumbers([COUNT])
  }

  greet(client: Client): Promise<WorkflowHandle<typeof greeting>> {
    const workflowId = uniqueName('greeting')
    return client.workflow.start<typeof greeting>('greeting', { taskQueue: this.usersQueue, workflowId, args: ['you'] })
  }
}

describe.concurrent('the plugin runs pipelines', () => {
  it("beside a user's own workflows and activities, whose worker stays as it is", { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    const own = { workflowsPath, maxCachedWorkflows: 11, maxConcurrentActivityTaskPolls: 3 }
    await setting.during([{ ...own, activities }], async (client, [worker]) => {
      const [greeted] = await Promise.all([setting.greet(client), setting.runPipeline(client)])
      expect(await greeted.result()).toBe('hello you')
      const { taskQueue, stickyQueueScheduleToStartTimeout, ...options } = worker?.options ?? expect.fail()
      expect(options).toMatchObject(own)
      expect([taskQueue, stickyQueueScheduleToStartTimeout]).toEqual([setting.usersQueue, '10s'])
      expect([...(worker?.options.activities.keys() ?? [])]).toEqual(['greet'])
    })
  })

  it('in a worker that has nothing of its own', { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    await setting.during([{}], (client) => setting.runPipeline(client))
  })

  it("beside a prebuilt bundle of the user's workflows", { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    await setting.during([{ workflowBundle: bundle, activities }], async (client) => {
      const [greeted] = await Promise.all([setting.greet(client), setting.runPipeline(client)])
      expect(await greeted.result()).toBe('hello you')
    })
  })

  it('where it is registered on the connection', { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    const work = async (client: Client): Promise<void> => {
      const [greeted] = await Promise.all([setting.greet(client), setting.runPipeline(client)])
      expect(await greeted.result()).toBe('hello you')
    }
    await setting.during([{ workflowBundle: bundle, activities }], work, true)
  })

  it('where several workers share that connection', { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    const work = async (client: Client): Promise<void> => {
      const [greeted] = await Promise.all([setting.greet(client), setting.runPipeline(client)])
      expect(await greeted.result()).toBe('hello you')
    }
    await setting.during([{ workflowBundle: bundle, activities }, { activities }, {}], work, true)
  })
})

describe.concurrent('the plugin', () => {
  it("refuses the pipelines' task queue for the user's worker", { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    const refused = setting.during([{ taskQueue: setting.taskQueue, activities }], () => Promise.resolve())
    await expect(refused).rejects.toThrow(
      `the worker's own task queue and the pipelines' are both '${setting.taskQueue}': name one of them otherwise`,
    )
  })

  it("ends with the user's worker, however soon that is", { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    await setting.during([{ activities }], () => Promise.resolve())
    const another = await Setting.make()
    const failing = another.during([{ activities }, {}], () => Promise.reject(new Error('no')), true)
    await expect(failing).rejects.toThrow('no')
  })

  it("ends the user's worker where its own can't begin", { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    const twin = new TidemarkPlugin({ pipelines: [setting.pipeline], taskQueue: setting.taskQueue })
    const never = new Promise<void>(() => undefined)
    // Two plugins, so that each has workers of its own, on one queue of one connection.
    const refused = await setting.during([{}, { plugins: [twin] }], () => never).catch((error: unknown) => error)
    expect(inspect(refused, { depth: 8 })).toContain('Registration of multiple workers')
  })

  it("replays pipelines' histories with no path given, and users' with theirs", { timeout: 300_000 }, async () => {
    const setting = await Setting.make()
    // Between two replays nothing else would hold the SDK's runtime, which then may go while the next one asks for it.
    const held = await NativeConnection.connect({ address: temporalAddress() })
    const histories: { id: string; history: Awaited<ReturnType<WorkflowHandle['fetchHistory']>> }[] = []
    await setting.during([{ workflowBundle: bundle, activities }], async (client) => {
      const greeted = await setting.greet(client)
      await greeted.result()
      await setting.runPipeline(client)
      for (const id of [`tidemark/${setting.name}`, `tidemark/${setting.name}/main/0`, greeted.workflowId]) {
        histories.push({ id, history: await client.workflow.getHandle(id).fetchHistory() })
      }
    })
    const [pipeline, task, own] = histories
    const plugins = [setting.plugin]
    for (const recorded of [pipeline, task]) {
      await Worker.runReplayHistory({ plugins }, recorded?.history, recorded?.id)
    }
    await Worker.runReplayHistory({ plugins, workflowBundle: bundle }, own?.history, own?.id)
    await held.close()
  })
})

process.on('unhandledRejection', (reason) => unhandled.push(reason))
