import { Command } from 'commander'
import type { ForkOptions, RewindTo } from '../../client/rewind.js'
import type { Duration } from '../../units.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import { duration, filledText, pipelineName, rewindTo, untilLatest, WHICH_CHECKPOINT } from '../values.js'

interface Flags extends ConnectionFlags, JsonFlag {
  readonly as: string
  readonly from: RewindTo
  readonly allowNonRestoredState?: true
  readonly until?: 'latest'
  readonly checkpointInterval?: Duration
  readonly taskQueue?: string
}

/** `tidemark fork <name> --as <new> --from …`; with --json `{ name, of, workflowId, runId }`. */
export function forkCommand(terminal: Terminal): Command {
  const command = new Command('fork')
    .description('start another pipeline where a checkpoint of this one is, with its state, and outputs of its own')
    .argument('<name>', 'pipeline whose checkpoint it is', pipelineName)
    .requiredOption(
      '--as <name>',
      'pipeline to start, as a worker defines it; one that has not run before',
      pipelineName,
    )
    .requiredOption('--from <where>', WHICH_CHECKPOINT, rewindTo)
    .option('--allow-non-restored-state', 'let go of state that no step of the new one takes')
    .option('--until <where>', "'latest': end by itself where the source ends now", untilLatest)
    .option('--task-queue <name>', "the workers' (default: that of <name>)", filledText)
    .option('--checkpoint-interval <duration>', "over the definition's", duration)
  return withJson(withConnection(command)).action((name: string, flags: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const { workflowId, runId } = await pipelines.fork(name, flags.as, optionsOf(flags))
      if (flags.json) outJson({ name: flags.as, of: name, workflowId, runId }, terminal)
      else
        terminal.out(
          `started ${flags.as} from a checkpoint of ${name}, as workflow ${workflowId}; ${name} goes on as it was\n`,
        )
    }),
  )
}

function optionsOf({ from, allowNonRestoredState, until, taskQueue, checkpointInterval }: Flags): ForkOptions {
  return {
    from,
    ...(allowNonRestoredState !== undefined && { allowNonRestoredState }),
    ...(until !== undefined && { until }),
    ...(taskQueue !== undefined && { taskQueue }),
    ...(checkpointInterval !== undefined && { checkpointInterval }),
  }
}
