import { Command } from 'commander'
import { pipelineTasks } from '../../client/read-pipeline.js'
import type { EpochRange } from '../values.js'
import { connected, type ConnectionFlags, withConnection } from '../connect.js'
import { CommandFailure } from '../failure.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import { refuseNothing } from '../nothing-found.js'
import { rerunCode } from '../rerun-code.js'
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
        '\nrun meanwhile. Exit code 1: something differs, or no task has such epochs.',
    )
  return withJson(withConnection(command)).action((name: string, flags: Flags) => verify(name, flags, terminal))
}

async function verify(name: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { module: path, epochs: range, partition, stage, brokers, json } = flags
  const code = await rerunCode(path, name, brokers, terminal)
  const { verifyTask } = await import('../../rerun/verify.js')
  await connected(flags, terminal, async ({ client }) => {
    const verdicts = []
    for (const { stage: at, partition: number } of await pipelineTasks(client, 'verify', name, { stage, partition })) {
      const verdict = await verifyTask({
        client,
        ...code.of(client, at),
        task: { stage: at, partition: number },
        range,
      })
      verdicts.push(verdict)
      if (!json) terminal.out(`${verdictView(verdict, terminal.colors)}\n`)
    }
    if (json) outJson(verdicts, terminal)
    refuseNothing(name, verdicts)
    const wrong = verdicts.filter(isWrong)
    if (wrong.length === 0) return
    const tasks = wrong.map((verdict) => `${verdict.stage}/${verdict.partition}`).join(', ')
    throw new CommandFailure(`${name} differs from its history: ${tasks}`, 'see docs/time-travel.md, "Verify"')
  })
}
