import { Command } from 'commander'
import { plainJson } from '../../definition/plain-json.js'
import { checkRewind, type RewindTo } from '../../client/rewind.js'
import { pipelineTasks } from '../../client/read-pipeline.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { CommandFailure, EXIT } from '../failure.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import { rerunCode } from '../rerun-code.js'
import type { Terminal } from '../terminal.js'
import type { StateReading } from '../../rerun/state-at.js'
import { filledText, partitionNumber, pipelineName, positiveNumber, rewindTo, WHICH_CHECKPOINT } from '../values.js'
import { liveStateView, stateView } from '../views/state-view.js'
import type { WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, JsonFlag, WhichFlags {
  readonly module?: string
  readonly live?: true
  readonly at?: RewindTo
  readonly limit?: number
}

const LIMIT = 100

/**
 * `tidemark state <name> <step> [key]`; with --json an array of `StateAt`. Reads history and state backend, nothing else; with
 * --live asks the workers, and the array is of `LiveState`.
 */
export function stateCommand(terminal: Terminal): Command {
  const command = new Command('state')
    .description(
      'show what a step knew at a checkpoint, by default the newest of each task; or, live, what it knows now',
    )
    .argument('<name>', 'pipeline', pipelineName)
    .argument('<step>', 'id of the step', filledText)
    .argument('[key]', 'of this key only')
    .option('--live', 'what the running tasks have in memory: their workers are asked')
    .option('--module <path>', 'JavaScript module that exports the pipeline; not for --live', filledText)
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
  const { module, partition, stage, json, limit = LIMIT, live = false } = flags
  if (live) return await liveState(name, step, key, flags, terminal)
  if (module === undefined) {
    const next = 'give the module that exports the pipeline, or --live to ask its workers'
    throw new CommandFailure('--module <path> is missing', next, { exitCode: EXIT.usage })
  }
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
    if (json) outJson(plainJson(found), terminal)
  })
}

async function liveState(
  name: string,
  step: string,
  key: string | undefined,
  flags: Flags,
  terminal: Terminal,
): Promise<void> {
  const { partition, json, limit = LIMIT } = flags
  const wrong = (['module', 'at', 'stage'] as const).find((flag) => flags[flag] !== undefined)
  if (wrong !== undefined) {
    const next = 'leave one of them away: workers know the code, and what is now is at no checkpoint'
    throw new CommandFailure(`--live and --${wrong} do not go together`, next, { exitCode: EXIT.usage })
  }
  await connected(flags, terminal, async ({ pipelines }) => {
    const which = { ...(key !== undefined && { key }), ...(partition !== undefined && { partition }) }
    const found = await pipelines.get(name).state(step, { ...which, limit })
    if (json) outJson(found, terminal)
    else for (const one of found) terminal.out(`${liveStateView(one, terminal.colors)}\n`)
    const missing = found.filter((one) => one.missing !== null).map((one) => `${one.stage}/${one.partition}`)
    if (missing.length === 0) return
    const next = 'see what was known at the last checkpoint: the same with --module in place of --live'
    throw new CommandFailure(`nobody has the state of ${missing.join(', ')} in memory`, next)
  })
}
