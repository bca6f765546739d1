import type { Command } from 'commander'
import type { Terminal } from './terminal.js'

export interface JsonFlag {
  readonly json?: true
}

export function withJson(command: Command): Command {
  return command.option('--json', 'JSON instead of text; times are milliseconds since 1970')
}

export function outJson(value: unknown, terminal: Terminal): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`)
}
