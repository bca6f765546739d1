import type { TidemarkPluginOptions } from '../plugin/options.js'
import type { WorkerFlags } from './commands/worker.js'
import { CommandFailure, EXIT } from './failure.js'
import type { PipelineModule } from './load-module.js'
import type { Terminal } from './terminal.js'
import { hostPorts } from './values.js'

/** What the module says, with flags over it, and the environment below it. */
export function pluginOptions(
  { pipelines, options }: PipelineModule,
  { brokers, taskQueue, maxTasks, heartbeat }: WorkerFlags,
  env: Terminal['env'],
): TidemarkPluginOptions {
  const fromEnv = env['KAFKA_BROKERS'] ?? env['TIDEMARK_BROKERS']
  const found = brokers ?? options.kafka?.brokers ?? (fromEnv === undefined ? undefined : brokersIn(fromEnv))
  return {
    ...options,
    pipelines,
    ...(found !== undefined && { kafka: { ...options.kafka, brokers: found } }),
    ...(taskQueue !== undefined && { taskQueue }),
    ...(maxTasks !== undefined && { maxTasks }),
    ...(heartbeat !== undefined && { heartbeatTimeout: heartbeat }),
  }
}

function brokersIn(variable: string): string[] {
  try {
    return hostPorts(variable)
  } catch (error) {
    const next = 'correct KAFKA_BROKERS or TIDEMARK_BROKERS: host:port, several with commas'
    throw new CommandFailure(`Kafka brokers in the environment: '${variable}' is no host:port`, next, {
      exitCode: EXIT.usage,
      cause: error,
    })
  }
}
