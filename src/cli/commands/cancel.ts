import { Command } from 'commander'
import type { Duration } from '../../units.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import type { Terminal } from '../terminal.js'
import { duration, pipelineName } from '../values.js'

interface Flags extends ConnectionFlags {
  readonly timeout?: Duration
}

/** `tidemark cancel <name>` */
export function cancelCommand(terminal: Terminal): Command {
  const command = new Command('cancel')
    .description('end at the next checkpoint; waits for the end')
    .argument('<name>', 'pipeline', pipelineName)
    .option('--timeout <duration>', 'how long to wait (default: 10m)', duration)
  return withConnection(command).action((name: string, { timeout, ...flags }: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      await pipelines.get(name).cancel(timeout === undefined ? {} : { timeout })
      terminal.out(`cancelled ${name}; a start goes on from its last checkpoint\n`)
    }),
  )
}
