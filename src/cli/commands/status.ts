import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { PipelineClient } from '../../client/pipeline-client.js'
import { hasEnded } from '../../client/pipeline-state.js'
import type { PipelineStatus } from '../../client/status.js'
import { reasonOf } from '../../errors/base.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { interruption } from '../interruption.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import type { Terminal } from '../terminal.js'
import { pipelineName } from '../values.js'
import { statusView } from '../views/status-view.js'

interface Flags extends ConnectionFlags, JsonFlag {
  readonly watch?: true
}

const REDRAW_MS = 1_000
/** From the top, each line cleared as it is written, the rest below it too: nothing flickers. */
const screen = (text: string): string => `\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`

/**
 * `tidemark status [name]`; without a name, of every pipeline that has not ended. With --json a `PipelineStatus`, or an
 * array of them; with --watch too, one line of it a second.
 */
export function statusCommand(terminal: Terminal): Command {
  const command = new Command('status')
    .description('show where a pipeline stands; also while no worker is up')
    .argument('[name]', 'pipeline; default: all that have not ended', pipelineName)
    .option('--watch', 'draw it again every second, until Ctrl-C or the end')
  return withJson(withConnection(command)).action((name: string | undefined, flags: Flags) =>
    connected(flags, terminal, async ({ pipelines }) => {
      const read = (): Promise<PipelineStatus[]> => statusesOf(pipelines, name)
      if (flags.watch) return watch(read, name, flags, terminal)
      const found = await read()
      if (flags.json) outJson(name === undefined ? found : found[0], terminal)
      else terminal.out(`${textOf(found, terminal)}\n`)
    }),
  )
}

async function statusesOf(pipelines: PipelineClient, name: string | undefined): Promise<PipelineStatus[]> {
  if (name !== undefined) return [await pipelines.get(name).status()]
  const found: PipelineStatus[] = []
  for await (const { name: each, state } of pipelines.list()) {
    if (!hasEnded(state)) found.push(await pipelines.get(each).status())
  }
  return found
}

async function watch(
  read: () => Promise<PipelineStatus[]>,
  name: string | undefined,
  { json }: Flags,
  terminal: Terminal,
): Promise<void> {
  const stop = interruption()
  // The first look has to succeed; what fails later may come back.
  let found = await read()
  let trouble = ''
  if (terminal.isScreen && !json) terminal.out('\x1b[2J')
  for (;;) {
    if (json) terminal.out(`${JSON.stringify(name === undefined ? found : found[0])}\n`)
    else
      terminal.out(
        terminal.isScreen ? screen(`${textOf(found, terminal)}\n${trouble}`) : `${textOf(found, terminal)}\n\n`,
      )
    if (name !== undefined && found.every(({ state }) => hasEnded(state))) return
    await sleep(REDRAW_MS, undefined, { signal: stop }).catch(() => undefined)
    if (stop.aborted) return
    try {
      found = await read()
      trouble = ''
    } catch (error) {
      trouble = `${terminal.colors.red(`no news: ${reasonOf(error)}`)}\n`
      if (!terminal.isScreen) terminal.err(trouble)
    }
  }
}

function textOf(found: readonly PipelineStatus[], { colors }: Terminal): string {
  if (found.length === 0) return 'no pipeline is running'
  const now = Date.now()
  return found.map((status) => statusView(status, colors, now)).join('\n\n')
}
