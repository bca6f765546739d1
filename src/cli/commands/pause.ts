import { Command } from 'commander'
import type { Duration } from '../../units.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import type { Terminal } from '../terminal.js'
import { duration, filledText, partitionNumber, pipelineName } from '../values.js'
import { named, type WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, WhichFlags {
  readonly reason: string
  readonly timeout?: Duration
}

/** `tidemark pause <name> --reason …` */
export function pauseCommand(terminal: Terminal): Command {
  const command = new Command('pause')
    .description('stop reading after what was begun; waits until every task stands still')
    .argument('<name>', 'pipeline', pipelineName)
    .requiredOption('--reason <text>', 'why: kept in history, shown in status', filledText)
    .option('--partition <n>', 'this partition only', partitionNumber)
    .option('--stage <id>', 'this stage only', filledText)
    .option('--timeout <duration>', 'how long to wait (default: 60s)', duration)
  return withConnection(command).action((name: string, { reason, partition, stage, timeout, ...flags }: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const which = { ...(partition !== undefined && { partition }), ...(stage !== undefined && { stage }) }
      await pipelines.get(name).pause({ reason, ...which, ...(timeout !== undefined && { timeout }) })
      terminal.out(`paused ${named(name, which)}\n`)
    }),
  )
}
