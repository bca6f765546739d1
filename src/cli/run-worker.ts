import { setTimeout as sleep } from 'node:timers/promises'
import {
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  type NativeConnectionOptions,
  Runtime,
  Worker,
} from '@temporalio/worker'
import type { Client } from '@temporalio/client'
import { workersOf } from '../client/workers.js'
import { TidemarkPlugin } from '../plugin/index.js'
import { DEFAULT_TASK_QUEUE } from '../protocol/names.js'
import type { WorkerFlags } from './commands/worker.js'
import { connected } from './connect.js'
import { loadModule } from './load-module.js'
import { pluginOptions } from './plugin-options.js'
import type { Terminal } from './terminal.js'
import { tellEntry } from './worker-log.js'

const LOOK_MS = 100

/** Runs a worker with the plugin alone. Resolves when SIGTERM or Ctrl-C has ended it, tasks handed over. */
export async function runWorker(path: string, flags: WorkerFlags, verbose: boolean, terminal: Terminal): Promise<void> {
  const module = await loadModule(path)
  const options = pluginOptions(module, flags, terminal.env)
  const plugin = new TidemarkPlugin(options)
  const taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE
  await connected(flags, terminal, async ({ client, config, address, namespace }) => {
    // Told better here than by the native connection.
    await client.workflowService.describeNamespace({ namespace })
    const connection = await nativeConnection({ ...config.connectionOptions, address }, verbose, terminal)
    try {
      // The plugin's own workers do the work; this one only carries it.
      const worker = await Worker.create({
        connection,
        namespace,
        taskQueue: `${taskQueue}/presence`,
        plugins: [plugin],
      })
      const running = worker.run()
      const names = module.pipelines.map(({ name }) => name).join(', ')
      const { identity } = worker.options
      const ready = `worker ${identity} is ready for ${names}: task queue '${taskQueue}' at ${address}, namespace '${namespace}'`
      void untilPolling(client, taskQueue, identity, running).then((polls) => polls && terminal.out(`${ready}\n`))
      await running
    } finally {
      await connection.close()
    }
  })
}

async function nativeConnection(
  options: NativeConnectionOptions,
  verbose: boolean,
  terminal: Terminal,
): Promise<NativeConnection> {
  const level = verbose ? 'INFO' : 'WARN'
  const runtime = Runtime.install({
    logger: new DefaultLogger(level, (entry) => tellEntry(entry, terminal, verbose)),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: level }), forward: {} } },
  })
  try {
    return await NativeConnection.connect(options)
  } catch (error) {
    // It ends with its last connection; one that never had any would keep the process.
    await runtime.shutdown()
    throw error
  }
}

/** True as soon as the server has seen this worker poll; false if it ended before that. */
async function untilPolling(
  client: Client,
  taskQueue: string,
  identity: string,
  running: Promise<void>,
): Promise<boolean> {
  let ended = false
  const done = (): void => {
    ended = true
  }
  running.then(done, done)
  for (;;) {
    const polls = await workersOf(client, taskQueue).catch((): string[] => [])
    if (ended) return false
    if (polls.includes(identity)) return true
    await sleep(LOOK_MS)
  }
}
