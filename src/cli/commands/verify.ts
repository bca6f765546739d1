import { Command } from 'commander'
import { pipelineTasks } from '../../client/read-pipeline.js'
import type { EpochRange } from '../values.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { CommandFailure, EXIT } from '../failure.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import { loadModule } from '../load-module.js'
import { pluginOptions } from '../plugin-options.js'
import type { Terminal } from '../terminal.js'
import { epochRange, filledText, hostPorts, partitionNumber, pipelineName } from '../values.js'
import { isWrong, verdictView } from '../views/verdict-view.js'
import type { WhichFlags } from '../which.js'

interface Flags extends ConnectionFlags, JsonFlag, WhichFlags {
  readonly module: string
  readonly epochs: EpochRange
  readonly brokers?: string[]
}

/** `tidemark verify <name> --epochs A..B --module <file>`; with --json an array of `Verdict`. Writes nothing anywhere. */
export function verifyCommand(terminal: Terminal): Command {
  const command = new Command('verify')
    .description('execute recorded epochs once more, muted, and compare every digest that history has')
    .argument('<name>', 'pipeline', pipelineName)
    .requiredOption(
      '--epochs <a..b>',
      "as 12..40, 12.. or 12; of generation 2: 2/12..40. The newest's by default",
      epochRange,
    )
    .requiredOption('--module <path>', 'JavaScript module that exports the pipeline', filledText)
    .option('--partition <n>', 'of this partition only', partitionNumber)
    .option('--stage <id>', 'of this stage only', filledText)
    .option('--brokers <host:port,…>', 'Kafka brokers (KAFKA_BROKERS or TIDEMARK_BROKERS)', hostPorts)
    .addHelpText(
      'after',
      '\nSources are read from here, with the module’s own connections. Nothing is written, nobody is fenced: the pipeline may' +
        '\nrun meanwhile. Exit code 1: something differs.',
    )
  return withJson(withConnection(command)).action((name: string, flags: Flags) => verify(name, flags, terminal))
}

async function verify(name: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { module: path, epochs: range, partition, stage, brokers, json } = flags
  const module = await loadModule(path)
  // Only here: connectors are slow to load.
  const [{ settingsFrom }, { rerunHost }, { verifyTask }] = await Promise.all([
    import('../../plugin/options.js'),
    import('../../rerun/host.js'),
    import('../../rerun/verify.js'),
  ])
  const settings = settingsFrom(pluginOptions(module, brokers === undefined ? {} : { brokers }, terminal.env))
  const blueprint = settings.pipelines.get(name)
  if (blueprint === undefined) {
    const next = `give the module that defines it; this one has ${[...settings.pipelines.keys()].join(', ')}`
    throw new CommandFailure(`${path} exports no pipeline '${name}'`, next, { exitCode: EXIT.usage })
  }
  await connected(flags, terminal, async ({ client }) => {
    const host = rerunHost(client, settings, (message) => terminal.err(`${message}\n`))
    const verdicts = []
    for (const task of await pipelineTasks(client, 'verify', name, { stage, partition })) {
      const own = blueprint.stages.find(({ id }) => id === task.stage)
      if (own === undefined) {
        const next = `give the module that the pipeline runs with; this one has ${blueprint.stages.map(({ id }) => id).join(', ')}`
        throw new CommandFailure(`pipeline '${name}' in ${path} has no stage '${task.stage}'`, next)
      }
      const { stage: at, partition: number } = task
      const verdict = await verifyTask({
        client,
        host,
        blueprint,
        stage: own,
        task: { stage: at, partition: number },
        range,
      })
      verdicts.push(verdict)
      if (!json) terminal.out(`${verdictView(verdict, terminal.colors)}\n`)
    }
    if (json) outJson(verdicts, terminal)
    const wrong = verdicts.filter(isWrong)
    if (wrong.length === 0) return
    const tasks = wrong.map((verdict) => `${verdict.stage}/${verdict.partition}`).join(', ')
    throw new CommandFailure(`${name} differs from its history: ${tasks}`, 'see docs/time-travel.md, "Verify"')
  })
}
