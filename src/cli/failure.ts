import { inspect } from 'node:util'
import { NamespaceNotFoundError } from '@temporalio/common'
import { reasonOf } from '../errors/base.js'
import { InvalidCommand } from '../errors/control.js'
import { isTidemarkError } from '../errors/is.js'
import type { Terminal } from './terminal.js'

/** Exit codes: every command ends with one of these. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** A failure that a command itself has found. */
export class CommandFailure extends Error {
  /** What to do next. */
  readonly next: string
  readonly exitCode: number

  constructor(message: string, next: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CommandFailure'
    this.next = next
    this.exitCode = options.exitCode ?? EXIT.failed
  }
}

/** Writes `error: …` and `next: …`; the stack with --verbose or DEBUG only. Returns the exit code. */
export function tellFailure(error: unknown, terminal: Terminal, verbose: boolean): number {
  const { message, next } = explained(error)
  terminal.err(`error: ${message}\n${next === null ? '' : `next: ${next}\n`}`)
  if (verbose) terminal.err(`${inspect(error)}\n`)
  if (error instanceof CommandFailure) return error.exitCode
  // Found before anything was asked of a server: what a server or a workflow refuses has a cause.
  return error instanceof InvalidCommand && error.cause === undefined ? EXIT.usage : EXIT.failed
}

function explained(error: unknown): { readonly message: string; readonly next: string | null } {
  if (error instanceof CommandFailure) return { message: error.message, next: error.next }
  if (isTidemarkError(error)) return { message: error.message, next: error.next }
  if (error instanceof NamespaceNotFoundError) {
    return {
      message: `there is no namespace '${error.namespace}' on this server`,
      next: 'give another one with --namespace, or create it: temporal operator namespace create',
    }
  }
  const grpc = grpcReason(error)
  if (grpc !== null) return grpc
  return { message: reasonOf(error), next: 'see the whole error: give --verbose' }
}

/** gRPC's own codes: DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE, UNAUTHENTICATED. */
const GRPC: Readonly<Record<number, string>> = {
  4: 'try again; the server is slow or out of reach',
  5: 'see whether --namespace is right',
  7: 'use an API key or certificate that may do this in this namespace',
  14: 'see whether the server runs, and whether --address is right',
  16: 'give an API key (--api-key, TEMPORAL_API_KEY) or a client certificate (TEMPORAL_TLS_…)',
}

/** What the server itself has said, where that is what failed. */
function grpcReason(error: unknown): { readonly message: string; readonly next: string } | null {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (!('code' in inner) || typeof inner.code !== 'number' || !('details' in inner)) continue
    const next = GRPC[inner.code] ?? 'see status, and the worker log'
    return { message: `Temporal answers: ${String(inner.details) || inner.message}`, next }
  }
  return null
}
