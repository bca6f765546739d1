import { Command } from 'commander'
import type { DevStack } from '../../dev/stack.js'
import { interruption } from '../interruption.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import { hostPort, hostPorts, portNumber } from '../values.js'

interface Flags extends JsonFlag {
  readonly temporalAddress?: string
  readonly brokers?: string[]
  readonly temporalPort?: number
  readonly uiPort?: number
  readonly kafkaPort?: number
  readonly ui: boolean
  readonly db?: string
}

/** `tidemark dev`; with --json `{ temporal: { address, namespace, ui }, kafka: { brokers } }`. */
export function devCommand(terminal: Terminal): Command {
  const command = new Command('dev')
    .description('start Temporal with its Web UI, and Kafka, for development; both end with Ctrl-C')
    .option('--temporal-address <host:port>', 'use this Temporal instead of starting one', hostPort)
    .option('--brokers <host:port,…>', 'use these Kafka brokers instead of starting one', hostPorts)
    .option('--temporal-port <port>', 'default: a free one', portNumber)
    .option('--ui-port <port>', 'of the Web UI; default: a free one', portNumber)
    .option('--kafka-port <port>', 'default: a free one', portNumber)
    .option('--no-ui', 'without the Web UI')
    .option('--db <directory>', 'keep the data of both there; default: it goes with them')
  return withJson(command).action(async (flags: Flags) => {
    // Only here: nothing else needs to load the servers' code.
    const { startDevStack } = await import('../../dev/stack.js')
    const stack = await startDevStack({
      temporalAddress: flags.temporalAddress,
      brokers: flags.brokers,
      temporalPort: flags.temporalPort,
      uiPort: flags.uiPort,
      ui: flags.ui,
      kafkaPort: flags.kafkaPort,
      dataDirectory: flags.db,
      onProgress: (line) => terminal.err(`${line}\n`),
    })
    try {
      const stop = interruption()
      tell(stack, flags, terminal)
      if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve))
    } finally {
      await stack.stop()
    }
  })
}

function tell({ temporal, kafka }: DevStack, { json }: Flags, terminal: Terminal): void {
  const { address, namespace, uiAddress } = temporal
  if (json) {
    outJson({ temporal: { address, namespace, ui: uiAddress }, kafka: { brokers: kafka.brokers } }, terminal)
    return
  }
  const brokers = kafka.brokers.join(',')
  const lines = [
    `Temporal  ${address}`,
    ...(uiAddress === null ? [] : [`Web UI    ${uiAddress}`]),
    `Kafka     ${brokers}`,
    '',
    `export TEMPORAL_ADDRESS=${address} KAFKA_BROKERS=${brokers}`,
    '',
    'Ctrl-C ends what was started here.',
  ]
  terminal.out(`${lines.join('\n')}\n`)
}
