import { Command } from 'commander'
import { pipelineTasks } from '../../client/read-pipeline.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import { refuseNothing } from '../nothing-found.js'
import { rerunCode } from '../rerun-code.js'
import type { Terminal } from '../terminal.js'
import {
  type EpochName,
  epochName,
  filledText,
  hostPorts,
  partitionNumber,
  pipelineName,
  positiveNumber,
} from '../values.js'
import { shadowView } from '../views/shadow-view.js'
import type { WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, JsonFlag, WhichFlags {
  readonly module: string
  readonly against: string
  readonly from: EpochName
  readonly to?: number
  readonly brokers?: string[]
  readonly allowNonRestoredState?: true
}

/** `tidemark shadow <name> --module <new> --against <old> --from …`; with --json an array of `Shadow`. Writes nothing anywhere. */
export function shadowCommand(terminal: Terminal): Command {
  const command = new Command('shadow')
    .description('execute recorded epochs with new code beside the old one, both muted, and show how outputs differ')
    .argument('<name>', 'pipeline', pipelineName)
    .requiredOption('--module <path>', 'JavaScript module with the new code of the pipeline', filledText)
    .requiredOption('--against <path>', 'module with the code that it is compared with', filledText)
    .requiredOption('--from <epoch>', 'checkpoint to begin at, as 45, or 2/45 of generation 2', epochName)
    .option('--to <epoch>', 'last epoch to execute (default: the newest)', positiveNumber)
    .option('--partition <n>', 'of this partition only', partitionNumber)
    .option('--stage <id>', 'of this stage only', filledText)
    .option('--allow-non-restored-state', 'let go of state that no step of the new code takes')
    .option('--brokers <host:port,…>', 'Kafka brokers (KAFKA_BROKERS or TIDEMARK_BROKERS)', hostPorts)
  return withJson(withConnection(command)).action((name: string, flags: Flags) => shadow(name, flags, terminal))
}

async function shadow(name: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { module, against, from, to = null, partition, stage, brokers, json, allowNonRestoredState = false } = flags
  const [next, old] = [
    await rerunCode(module, name, brokers, terminal),
    await rerunCode(against, name, brokers, terminal),
  ]
  const { shadowTask } = await import('../../rerun/shadow.js')
  const range = { generation: from.generation, from: from.epoch + 1, to }
  await connected(flags, terminal, async ({ client }) => {
    const found = []
    for (const { stage: at, partition: number } of await pipelineTasks(client, 'shadow', name, { stage, partition })) {
      const codes = { code: next.of(client, at), against: old.of(client, at) }
      const task = { stage: at, partition: number }
      const one = await shadowTask({ client, ...codes, task, range, allowNonRestoredState })
      found.push(one)
      if (!json) terminal.out(`${shadowView(one, terminal.colors)}\n`)
    }
    if (json) outJson(found, terminal)
    refuseNothing(name, found)
  })
}
