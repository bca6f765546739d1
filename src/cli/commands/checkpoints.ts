import { Command } from 'commander'
import type { CheckpointInfo } from '../../client/checkpoints.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import { filledText, partitionNumber, pipelineName, positiveNumber } from '../values.js'
import { checkpointsView } from '../views/checkpoints-view.js'
import type { WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, JsonFlag, WhichFlags {
  readonly limit?: number
}

/** `tidemark checkpoints <name>`; with --json an array of `CheckpointInfo`. Needs no worker. */
export function checkpointsCommand(terminal: Terminal): Command {
  const command = new Command('checkpoints')
    .description('show every checkpoint that workflow history still has, the newest of each task first')
    .argument('<name>', 'pipeline', pipelineName)
    .option('--partition <n>', 'of this partition only', partitionNumber)
    .option('--stage <id>', 'of this stage only', filledText)
    .option('--limit <n>', 'at most so many of each task', positiveNumber)
  return withJson(withConnection(command)).action((name: string, { partition, stage, limit, ...flags }: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const found: CheckpointInfo[] = []
      const options = {
        ...(partition !== undefined && { partition }),
        ...(stage !== undefined && { stage }),
        ...(limit !== undefined && { limit }),
      }
      for await (const checkpoint of pipelines.get(name).checkpoints(options)) found.push(checkpoint)
      if (flags.json) outJson(found, terminal)
      else if (found.length === 0) terminal.out(`${name} has no checkpoint yet\n`)
      else terminal.out(`${checkpointsView(found, Date.now())}\n`)
    }),
  )
}
