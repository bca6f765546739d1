/** Pipelines in a worker of the test process, on queues of their own, against the test run's servers. */
import { Client } from '@temporalio/client'
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { Pipeline } from 'tidemark'
import { type PipelineHandle, type PipelineStatus, PipelineClient, type StartOptions } from 'tidemark/client'
import { TidemarkPlugin, type TidemarkPluginOptions } from 'tidemark/plugin'
import { brokers, temporalAddress } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { waitUntil, type WaitOptions } from '../setup/wait-until.js'

// Faults are what these tests are about: what is said of them would only hide what is wrong.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }) } },
  shutdownSignals: [],
})

/** Tells a figure that a test has measured, into the output of the run. */
export function tell(figure: string): void {
  process.stdout.write(`${figure}\n`)
}

export interface RigOptions {
  readonly pipelines: readonly Pipeline[]
  /** Over the ones that every rig has. */
  readonly plugin?: Partial<TidemarkPluginOptions>
  /** Registers the plugin on the connection too, from where it reaches the worker. */
  readonly onConnection?: boolean
  /** `host:port` of a Temporal server. Default: that of the test run. */
  readonly address?: string
  /** Default: true. False: no worker until `startWorker`. */
  readonly worker?: boolean
}

export class Rig {
  readonly taskQueue: string
  readonly connection: NativeConnection
  readonly client: Client
  readonly pipelines: PipelineClient
  private readonly names: readonly string[]
  private readonly makeWorker: () => Promise<Worker>
  private running: { readonly worker: Worker; readonly ended: Promise<void> } | undefined

  private constructor(options: RigOptions, plugin: TidemarkPlugin, taskQueue: string, connection: NativeConnection) {
    this.taskQueue = taskQueue
    this.connection = connection
    this.client = new Client({ connection })
    this.pipelines = new PipelineClient(this.client)
    this.names = options.pipelines.map((pipeline) => pipeline.name)
    const plugins = options.onConnection === true ? [] : [plugin]
    this.makeWorker = () => Worker.create({ connection, taskQueue: uniqueName('users-own'), plugins })
  }

  static async start(options: RigOptions): Promise<Rig> {
    const taskQueue = options.plugin?.taskQueue ?? uniqueName('tidemark')
    const kafka = { brokers: brokers() }
    const plugin = new TidemarkPlugin({ kafka, ...options.plugin, taskQueue, pipelines: options.pipelines })
    const plugins = options.onConnection === true ? [plugin] : []
    const address = options.address ?? temporalAddress()
    const rig = new Rig(options, plugin, taskQueue, await NativeConnection.connect({ address, plugins }))
    if (options.worker !== false) await rig.startWorker()
    return rig
  }

  async startWorker(): Promise<void> {
    const worker = await this.makeWorker()
    const ended = worker.run()
    this.running = { worker, ended }
    // The plugin's own workers come first; where they can't, that is what is to be told.
    const up = waitUntil(() => worker.getState() === 'RUNNING', { for: 'the worker to run' })
    await Promise.race([up, ended])
    ended.catch(() => undefined)
  }

  /** As SIGTERM does: epochs end at their next commit, tasks are handed over. */
  async stopWorker(): Promise<void> {
    const { running } = this
    this.running = undefined
    running?.worker.shutdown()
    await running?.ended
  }

  async begin(pipeline: string, options: StartOptions = {}): Promise<PipelineHandle> {
    return await this.pipelines.start(pipeline, { taskQueue: this.taskQueue, ...options })
  }

  status(pipeline: string): Promise<PipelineStatus> {
    return this.pipelines.get(pipeline).status()
  }

  /** Waits until the status is as wanted, and returns it. */
  async until(
    pipeline: string,
    wanted: (status: PipelineStatus) => boolean,
    options: WaitOptions = {},
  ): Promise<PipelineStatus> {
    let last: PipelineStatus | undefined
    const look = async (): Promise<PipelineStatus | null> => {
      last = await this.status(pipeline)
      return wanted(last) ? last : null
    }
    try {
      return await waitUntil(look, { every: 250, timeoutMs: 60_000, ...options })
    } catch (error) {
      throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error })
    }
  }

  /** Leaves nothing running: neither workflows nor the worker. */
  async close(): Promise<void> {
    for (const name of this.names) await this.terminateAll(name)
    await this.stopWorker()
    await this.connection.close()
  }

  /** Ends a pipeline's workflow and those of its tasks, from outside. */
  async terminateAll(pipeline: string): Promise<void> {
    const handle = this.pipelines.get(pipeline)
    const ids = await handle.status().then(
      ({ workflowId, tasks }) => [workflowId, ...tasks.map((task) => task.workflowId)],
      () => [handle.workflowId],
    )
    for (const id of ids) await this.terminate(id).catch(() => undefined)
  }

  /** As what a task's workflow ends that says it has stopped: it says so a moment before. */
  async endOf(workflowId: string): Promise<string> {
    const handle = this.client.workflow.getHandle(workflowId)
    await handle.result()
    return (await handle.describe()).status.name
  }

  async terminate(workflowId: string): Promise<void> {
    await this.client.workflow.getHandle(workflowId).terminate('the test ends it')
  }
}
