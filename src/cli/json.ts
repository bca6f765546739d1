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

/** What JSON lacks, as people would write it: users keep anything in state. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map) return [...value].map(([key, inner]) => [plain(key), plain(inner)])
  if (Array.isArray(value) || value instanceof Set) return [...value].map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}
