import { Command } from 'commander'
import type { Duration } from '../../units.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import { duration, pipelineName, savepointLabel } from '../values.js'
import { savepointsView } from '../views/savepoints-view.js'
import { plural } from '../views/numbers.js'

interface Flags extends ConnectionFlags, JsonFlag {
  readonly stop?: true
  readonly timeout?: Duration
}

/** `tidemark savepoint create|list|delete`; with --json `create` gives a `SavepointInfo`, `list` an array of them. */
export function savepointCommand(terminal: Terminal): Command {
  return new Command('savepoint')
    .description('keep the newest checkpoints of a pipeline under a label until they are deleted')
    .addCommand(create(terminal))
    .addCommand(list(terminal))
    .addCommand(remove(terminal))
}

function create(terminal: Terminal): Command {
  const command = new Command('create')
    .description('keep the newest checkpoint of each task, with its state')
    .argument('<name>', 'pipeline', pipelineName)
    .argument('<label>', 'what to call it', savepointLabel)
    .option('--stop', 'drain the pipeline first, stage by stage; with several stages it has to stand still')
    .option('--timeout <duration>', 'how long to wait for the end, and for the copy (default: 10m)', duration)
  return withJson(withConnection(command)).action((name: string, label: string, flags: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const { stop, timeout, json } = flags
      const options = { ...(stop !== undefined && { stop }), ...(timeout !== undefined && { timeout }) }
      const made = await pipelines.get(name).savepoint(label, options)
      if (json) return outJson(made, terminal)
      const stopped = stop ? `; ${name} has stopped` : ''
      terminal.out(`kept ${plural(made.tasks.length, 'task')} of ${name} as ${label}${stopped}\n`)
    }),
  )
}

function list(terminal: Terminal): Command {
  const command = new Command('list')
    .description('show the savepoints of a pipeline')
    .argument('<name>', 'pipeline', pipelineName)
  return withJson(withConnection(command)).action((name: string, flags: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const found = []
      for await (const savepoint of pipelines.get(name).savepoints()) found.push(savepoint)
      if (flags.json) outJson(found, terminal)
      else terminal.out(`${savepointsView(found, terminal.colors)}\n`)
    }),
  )
}

function remove(terminal: Terminal): Command {
  const command = new Command('delete')
    .description('delete a savepoint, the copies of its state too')
    .argument('<name>', 'pipeline', pipelineName)
    .argument('<label>', 'which', savepointLabel)
    .option('--timeout <duration>', 'how long to wait until all is gone (default: 10m)', duration)
  return withConnection(command).action((name: string, label: string, { timeout, ...flags }: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      await pipelines.get(name).deleteSavepoint(label, timeout === undefined ? {} : { timeout })
      terminal.out(`deleted savepoint ${label} of ${name}\n`)
    }),
  )
}
