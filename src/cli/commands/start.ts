import { Command } from 'commander'
import type { StartedPipeline } from '../../client/pipeline-handle.js'
import type { StartOptions } from '../../client/start-options.js'
import type { PipelineStatus } from '../../client/status.js'
import type { StartAt } from '../../definition/source.js'
import type { Duration } from '../../units.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import { untilBegun } from '../until-begun.js'
import { duration, filledText, pipelineName, startAt, untilLatest } from '../values.js'
import { count } from '../views/numbers.js'

interface Flags extends ConnectionFlags, JsonFlag {
  readonly fresh?: true
  readonly from?: StartAt
  readonly until?: 'latest'
  readonly ifNotRunning?: true
  readonly wait?: true
  readonly taskQueue?: string
  readonly checkpointInterval?: Duration
  readonly allowNonRestoredState?: true
}

/**
 * `tidemark start <name>`; with --json `{ name, workflowId, runId, started, state }`, after --wait
 * `{ name, workflowId, runId, started, state, counters }`.
 */
export function startCommand(terminal: Terminal): Command {
  const command = new Command('start')
    .description('start a pipeline where its last run stopped')
    .argument('<name>', 'pipeline, as a worker defines it', pipelineName)
    .option('--fresh', 'begin a new generation instead of going on')
    .option(
      '--from <where>',
      'with --fresh, or at the very first start: earliest, latest, a time, or 0=120,1=98',
      startAt,
    )
    .option('--until <where>', "'latest': end by itself where the source ends now", untilLatest)
    .option('--if-not-running', 'a pipeline that runs already is no error')
    .option('--wait', 'wait for the end')
    .option('--task-queue <name>', "the workers' (default: tidemark)", filledText)
    .option('--allow-non-restored-state', 'let go of state that no step takes any more')
    .option('--checkpoint-interval <duration>', "over the definition's", duration)
  return withJson(withConnection(command)).action((name: string, flags: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const started = await pipelines.start(name, optionsOf(flags))
      const { workflowId, runId } = started
      const about = { name, workflowId, runId, started: started.started }
      if (!flags.json) tellStarted(started, terminal)
      if (flags.wait) {
        const { state, counters } = await started.result()
        if (flags.json) outJson({ ...about, state, counters }, terminal)
        else terminal.out(`${state}: ${count(counters.read)} read, ${count(counters.written)} written\n`)
        return
      }
      const status = await untilBegun(() => started.status())
      if (status.state === 'failed') await started.result()
      if (flags.json) outJson({ ...about, state: status.state }, terminal)
      else if (status.state === 'starting') terminal.err(`${unplanned(status)}\n`)
    }),
  )
}

function optionsOf(flags: Flags): StartOptions {
  const { fresh, from, until, ifNotRunning, taskQueue, checkpointInterval, allowNonRestoredState } = flags
  return {
    ...(fresh !== undefined && { fresh }),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
    ...(ifNotRunning !== undefined && { ifNotRunning }),
    ...(taskQueue !== undefined && { taskQueue }),
    ...(checkpointInterval !== undefined && { checkpointInterval }),
    ...(allowNonRestoredState !== undefined && { allowNonRestoredState }),
  }
}

function tellStarted({ name, workflowId, started }: StartedPipeline, terminal: Terminal): void {
  terminal.out(started ? `started ${name} as workflow ${workflowId}\n` : `${name} is running already\n`)
}

/** Why a pipeline has not begun, as far as can be told. */
function unplanned({ name, taskQueue, workers, waiting }: PipelineStatus): string {
  if (workers.length === 0)
    return `no worker polls task queue '${taskQueue}' yet: start one with tidemark worker <module>`
  return `${name} has not begun yet: waits ${waiting ?? 'for its source to be found'}; see tidemark status ${name}`
}
