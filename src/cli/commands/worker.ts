import { Command } from 'commander'
import type { Duration } from '../../units.js'
import { type ConnectionFlags, withConnection } from '../connect.js'
import type { Terminal } from '../terminal.js'
import { duration, filledText, hostPorts, positiveNumber } from '../values.js'

export interface WorkerFlags extends ConnectionFlags {
  readonly brokers?: string[]
  readonly taskQueue?: string
  readonly maxTasks?: number
  readonly heartbeat?: Duration
}

/** `tidemark worker <module>` */
export function workerCommand(terminal: Terminal): Command {
  const command = new Command('worker')
    .description('run the pipelines that a module exports, until Ctrl-C or SIGTERM')
    .argument(
      '<module>',
      'path of a JavaScript module; each pipeline among its exports, or in an exported array, is run',
    )
    .option('--brokers <host:port,…>', 'Kafka brokers (KAFKA_BROKERS or TIDEMARK_BROKERS)', hostPorts)
    .option('--task-queue <name>', 'of the pipelines (default: tidemark)', filledText)
    .option('--max-tasks <n>', 'partitions to hold at most (default: 200)', positiveNumber)
    .option('--heartbeat <duration>', 'silence after which this worker counts as lost (default: 6s)', duration)
    .addHelpText('after', '\nOther options of the plugin: export them from the module as `tidemark`.')
  return withConnection(command).action(async (module: string, flags: WorkerFlags, self: Command) => {
    // Only here: the worker's native code is slow to load.
    const { runWorker } = await import('../run-worker.js')
    await runWorker(module, flags, self.optsWithGlobals<{ verbose?: true }>().verbose === true, terminal)
  })
}
