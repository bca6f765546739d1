import { inspect } from 'node:util'
import type { LogEntry } from '@temporalio/worker'
import { reasonOf } from '../errors/base.js'
import type { Terminal } from './terminal.js'

/** Says which of the SDK's many details help a person. */
const TOLD = ['activityType', 'workflowId', 'attempt', 'code'] as const

/** One line per entry on stderr; with everything the SDK knows where `verbose`. */
export function tellEntry(
  { level, message, timestampNanos, meta }: LogEntry,
  terminal: Terminal,
  verbose: boolean,
): void {
  // The workers for claims and epochs run no workflows by design; the SDK warns of that.
  if (message.startsWith('No workflows registered')) return
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString()
  const { error, ...rest } = meta ?? {}
  // What the SDK's core has to say is in its details; they are few.
  const told =
    verbose || rest['sdkComponent'] === 'core'
      ? Object.entries(rest)
      : TOLD.flatMap((name) => (name in rest ? [[name, rest[name]] as const] : []))
  const details = told.map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : inspect(value)}`).join('')
  const reason = error === undefined ? '' : verbose ? `\n${inspect(error)}` : `: ${reasonOf(error)}`
  terminal.err(`${time} ${level} ${message}${reason}${details}\n`)
}
