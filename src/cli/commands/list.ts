import { Command } from 'commander'
import type { PipelineListing } from '../../client/list-pipelines.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import { listView } from '../views/list-view.js'

/** `tidemark list`; with --json an array of `PipelineListing`. */
export function listCommand(terminal: Terminal): Command {
  const command = new Command('list').description('show every pipeline of the namespace, running or ended')
  return withJson(withConnection(command)).action((flags: ConnectionFlags & JsonFlag) =>
    connected(flags, terminal, async ({ pipelines, namespace }) => {
      const found: PipelineListing[] = []
      for await (const pipeline of pipelines.list()) found.push(pipeline)
      if (flags.json) outJson(found, terminal)
      else if (found.length === 0) terminal.out(`no pipelines in namespace '${namespace}'\n`)
      else terminal.out(`${listView(found, terminal.colors, Date.now())}\n`)
    }),
  )
}
