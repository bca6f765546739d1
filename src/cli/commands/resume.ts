import { Command } from 'commander'
import type { Duration } from '../../units.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import type { Terminal } from '../terminal.js'
import { duration, filledText, partitionNumber, pipelineName } from '../values.js'
import { named, type WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, WhichFlags {
  readonly reason?: string
  readonly acceptCodeChange?: true
  readonly timeout?: Duration
}

/** `tidemark resume <name>` */
export function resumeCommand(terminal: Terminal): Command {
  const command = new Command('resume')
    .description('go on after a pause, and try parked tasks again')
    .argument('<name>', 'pipeline', pipelineName)
    .option('--reason <text>', 'why: kept in history', filledText)
    .option('--partition <n>', 'this partition only', partitionNumber)
    .option('--stage <id>', 'this stage only', filledText)
    .option('--accept-code-change', 'go on although changed code gives other outputs than an unfinished epoch did')
    .option('--timeout <duration>', 'how long to wait until it is accepted (default: 60s)', duration)
  return withConnection(command).action((name: string, flags: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const { reason, partition, stage, acceptCodeChange, timeout } = flags
      const which = { ...(partition !== undefined && { partition }), ...(stage !== undefined && { stage }) }
      await pipelines.get(name).resume({
        ...which,
        ...(reason !== undefined && { reason }),
        ...(acceptCodeChange !== undefined && { acceptCodeChange }),
        ...(timeout !== undefined && { timeout }),
      })
      terminal.out(`resumed ${named(name, which)}\n`)
    }),
  )
}
