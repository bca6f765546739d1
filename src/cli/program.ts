import { Command } from 'commander'
import { cancelCommand } from './commands/cancel.js'
import { checkpointsCommand } from './commands/checkpoints.js'
import { devCommand } from './commands/dev.js'
import { drainCommand } from './commands/drain.js'
import { explainCommand } from './commands/explain.js'
import { forkCommand } from './commands/fork.js'
import { listCommand } from './commands/list.js'
import { pauseCommand } from './commands/pause.js'
import { resumeCommand } from './commands/resume.js'
import { rewindCommand } from './commands/rewind.js'
import { savepointCommand } from './commands/savepoint.js'
import { shadowCommand } from './commands/shadow.js'
import { startCommand } from './commands/start.js'
import { stateCommand } from './commands/state.js'
import { statusCommand } from './commands/status.js'
import { verifyCommand } from './commands/verify.js'
import { workerCommand } from './commands/worker.js'
import type { Terminal } from './terminal.js'
import { packageVersion } from './version.js'

/** The whole command line of `tidemark`. Wrong usage throws commander's own error, after telling what is wrong. */
export function programFor(terminal: Terminal): Command {
  const program = new Command('tidemark')
    .description('Exactly-once stream pipelines on Temporal.')
    .version(packageVersion())
    .option('--verbose', 'show whole errors, and more of what goes on')
    .addHelpText(
      'after',
      '\nThe Temporal server is found as by every Temporal tool: TEMPORAL_* variables, profiles in temporal.toml,' +
        '\nor --address, --namespace, --profile. Exit codes: 0 done, 1 failed, 2 wrong usage.',
    )
  const commands = [
    workerCommand,
    explainCommand,
    startCommand,
    listCommand,
    statusCommand,
    checkpointsCommand,
    verifyCommand,
    rewindCommand,
    forkCommand,
    savepointCommand,
    shadowCommand,
    stateCommand,
    pauseCommand,
    resumeCommand,
    drainCommand,
    cancelCommand,
    devCommand,
  ]
  for (const command of commands) program.addCommand(command(terminal))
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) {
    command.exitOverride().showHelpAfterError('(give --help for how to use it)')
    command.configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
  }
  return program
}
