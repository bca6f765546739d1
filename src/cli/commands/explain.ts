import { Command } from 'commander'
import { explain } from '../../definition/explain.js'
import { type JsonFlag, outJson, withJson } from '../json.js'
import { loadModule } from '../load-module.js'
import type { Terminal } from '../terminal.js'
import { explainView } from '../views/explain-view.js'

/** `tidemark explain <module>`; with --json an array of `Explanation`. Connects nothing. */
export function explainCommand(terminal: Terminal): Command {
  const command = new Command('explain')
    .description('show the plan of the pipelines that a module exports: stages, steps, and what each sink promises')
    .argument('<module>', 'path of a JavaScript module that exports pipelines')
  return withJson(command).action(async (module: string, flags: JsonFlag) => {
    const { pipelines } = await loadModule(module)
    const plans = pipelines.map(explain)
    if (flags.json) outJson(plans, terminal)
    else terminal.out(`${plans.map((plan) => explainView(plan, terminal.colors)).join('\n\n')}\n`)
  })
}
