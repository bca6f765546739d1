import type { Client } from '@temporalio/client'
import type { Code } from '../rerun/shadow.js'
import { CommandFailure, EXIT } from './failure.js'
import { loadModule } from './load-module.js'
import { pluginOptions } from './plugin-options.js'
import type { Terminal } from './terminal.js'

/** A pipeline as a module defines it, to be executed again in this process with the module's own connections. */
export interface RerunCode {
  /** Throws `CommandFailure` where the module's pipeline has no such stage. */
  of(client: Client, stage: string): Code
  /** The stage that has a step of that id. Throws `CommandFailure` where there is none. */
  stageOf(step: string): string
}

export async function rerunCode(
  path: string,
  name: string,
  brokers: string[] | undefined,
  terminal: Terminal,
): Promise<RerunCode> {
  const module = await loadModule(path)
  // Only here: connectors are slow to load.
  const [{ settingsFrom }, { rerunHost }] = await Promise.all([
    import('../plugin/options.js'),
    import('../rerun/host.js'),
  ])
  const settings = settingsFrom(pluginOptions(module, brokers === undefined ? {} : { brokers }, terminal.env))
  const blueprint = settings.pipelines.get(name)
  if (blueprint === undefined) {
    const next = `give the module that defines it; this one has ${[...settings.pipelines.keys()].join(', ')}`
    throw new CommandFailure(`${path} exports no pipeline '${name}'`, next, { exitCode: EXIT.usage })
  }
  return {
    stageOf(step) {
      const found = blueprint.stages.find(({ steps }) => steps.some(({ id }) => id === step))
      if (found !== undefined) return found.id
      const known = blueprint.stages.flatMap(({ steps }) => steps.map(({ id }) => id)).join(', ')
      throw new CommandFailure(`pipeline '${name}' in ${path} has no step '${step}'`, `it has ${known}`)
    },
    of(client, stage) {
      const own = blueprint.stages.find(({ id }) => id === stage)
      const host = rerunHost(client, settings, (message) => terminal.err(`${message}\n`))
      if (own !== undefined) return { host, blueprint, stage: own }
      const next = `give the module that the pipeline runs with; this one has ${blueprint.stages.map(({ id }) => id).join(', ')}`
      throw new CommandFailure(`pipeline '${name}' in ${path} has no stage '${stage}'`, next)
    },
  }
}
