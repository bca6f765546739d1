import { CommanderError } from 'commander'
import { EXIT, tellFailure } from './failure.js'
import { programFor } from './program.js'
import type { Terminal } from './terminal.js'

/** Runs one command line, without node and script name. Resolves to the exit code; never rejects. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = programFor(terminal)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return EXIT.done
  } catch (error) {
    // Commander has told already what is wrong; help and version that were asked for are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    const verbose = program.opts<{ verbose?: true }>().verbose === true || Boolean(terminal.env['DEBUG'])
    return tellFailure(error, terminal, verbose)
  }
}
