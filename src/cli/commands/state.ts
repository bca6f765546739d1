import { Command } from 'commander'
import { checkRewind, type RewindTo } from '../../client/rewind.js'
import { pipelineTasks } from '../../client/read-pipeline.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { type JsonFlag, outJson, plain, withJson } from '../json.js'
import { rerunCode } from '../rerun-code.js'
import type { Terminal } from '../terminal.js'
import type { StateReading } from '../../rerun/state-at.js'
import { filledText, partitionNumber, pipelineName, positiveNumber, rewindTo, WHICH_CHECKPOINT } from '../values.js'
import { stateView } from '../views/state-view.js'
import type { WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, JsonFlag, WhichFlags {
  readonly module: string
  readonly at?: RewindTo
  readonly limit?: number
}

const LIMIT = 100

/** `tidemark state <name> <step> [key]`; with --json an array of `StateAt`. Reads history and state backend, nothing else. */
export function stateCommand(terminal: Terminal): Command {
  const command = new Command('state')
    .description('show what a step knew at a checkpoint: by default the newest of each task')
    .argument('<name>', 'pipeline', pipelineName)
    .argument('<step>', 'id of the step', filledText)
    .argument('[key]', 'of this key only')
    .requiredOption('--module <path>', 'JavaScript module that exports the pipeline', filledText)
    .option('--at <where>', WHICH_CHECKPOINT, rewindTo)
    .option('--partition <n>', 'of this partition only', partitionNumber)
    .option('--stage <id>', 'of this stage only', filledText)
    .option('--limit <n>', `at most so many entries of each task (default: ${LIMIT})`, positiveNumber)
  return withJson(withConnection(command)).action((name: string, step: string, key: string | undefined, flags: Flags) =>
    state(name, step, key, flags, terminal),
  )
}

async function state(
  name: string,
  step: string,
  key: string | undefined,
  flags: Flags,
  terminal: Terminal,
): Promise<void> {
  const { module, partition, stage, json, limit = LIMIT } = flags
  const code = await rerunCode(module, name, undefined, terminal)
  const { stateAt } = await import('../../rerun/state-at.js')
  const at: StateReading['at'] = flags.at === undefined ? 'newest' : checkRewind(name, { to: flags.at }).to
  await connected(flags, terminal, async ({ client }) => {
    const found = []
    const only = stage ?? code.stageOf(step)
    for (const task of await pipelineTasks(client, 'state', name, { stage: only, partition })) {
      const own = { stage: task.stage, partition: task.partition }
      const reading = { client, code: code.of(client, task.stage), task: own, step, at, limit }
      const one = await stateAt(key === undefined ? reading : { ...reading, key })
      found.push(one)
      if (!json) terminal.out(`${stateView(one, terminal.colors)}\n`)
    }
    if (json) outJson(plain(found), terminal)
  })
}
