import { Command } from 'commander'
import type { RewindOptions, RewindPlan, RewindTo } from '../../client/rewind.js'
import type { Duration } from '../../units.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { CommandFailure, EXIT } from '../failure.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import {
  duration,
  filledText,
  partitionNumber,
  pipelineName,
  rewindTo,
  untilLatest,
  WHICH_CHECKPOINT,
} from '../values.js'
import { rewindView } from '../views/rewind-view.js'
import type { WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, JsonFlag, WhichFlags {
  readonly to: RewindTo
  readonly yes?: true
  readonly until?: 'latest'
  readonly allowNonRestoredState?: true
  readonly checkpointInterval?: Duration
  readonly timeout?: Duration
}

/** `tidemark rewind <name> --to …`; with --json `{ plan, done, runId }`. Without --yes it only says what it would do. */
export function rewindCommand(terminal: Terminal): Command {
  const command = new Command('rewind')
    .description('go back to a checkpoint and begin a new generation there: outputs behind it are written again')
    .argument('<name>', 'pipeline', pipelineName)
    .requiredOption('--to <where>', WHICH_CHECKPOINT, rewindTo)
    .option('--yes', 'do it; without this, only say what would be written again')
    .option('--partition <n>', 'this partition only; the others go on where they are', partitionNumber)
    .option('--stage <id>', 'this stage only', filledText)
    .option('--allow-non-restored-state', 'let go of state that no step takes any more')
    .option('--until <where>', "'latest': end by itself where the source ends now", untilLatest)
    .option('--checkpoint-interval <duration>', "over the definition's", duration)
    .option('--timeout <duration>', 'how long to wait for the end of a pipeline that runs (default: 10m)', duration)
  return withJson(withConnection(command)).action((name: string, flags: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const options = optionsOf(flags)
      const tell = (plan: RewindPlan): void => {
        if (!flags.json) terminal.out(`${rewindView(plan, terminal.colors)}\n`)
      }
      if (!flags.yes) {
        const plan = await pipelines.planRewind(name, options)
        tell(plan)
        if (flags.json) return outJson({ plan, done: false, runId: null }, terminal)
        throw new CommandFailure('nothing was done', 'to do it, give --yes', { exitCode: EXIT.usage })
      }
      let planned: RewindPlan | undefined
      const onPlan = (plan: RewindPlan): void => {
        planned = plan
        tell(plan)
      }
      const { runId } = await pipelines.rewind(name, { ...options, onPlan })
      if (flags.json) outJson({ plan: planned, done: true, runId }, terminal)
      else terminal.out(`rewound ${name}; it runs in a new generation\n`)
    }),
  )
}

function optionsOf(flags: Flags): RewindOptions {
  const { to, partition, stage, allowNonRestoredState, until, checkpointInterval, timeout } = flags
  return {
    to,
    ...(partition !== undefined && { partition }),
    ...(stage !== undefined && { stage }),
    ...(allowNonRestoredState !== undefined && { allowNonRestoredState }),
    ...(until !== undefined && { until }),
    ...(checkpointInterval !== undefined && { checkpointInterval }),
    ...(timeout !== undefined && { timeout }),
  }
}
