import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow'
import type { Owner } from '../src/definition/sink.js'
import { errorCatalog, type ErrorCode } from '../src/errors/catalog.js'
import type { Problem } from '../src/protocol/checkpoint.js'

/** What an activity ended with, as a workflow decides by it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
  /** It missed its heartbeats: the worker is dead, or its event loop blocked. */
  readonly silent: boolean
}

/** Reads an activity's failure. Time-outs mean that the worker is gone; errors that aren't this library's may pass by. */
export function failureOf(error: unknown): Failure {
  const cause = error instanceof ActivityFailure ? error.cause : error
  if (cause instanceof ApplicationFailure) {
    const [details] = cause.details ?? []
    return {
      code: cause.type ?? 'Error',
      message: cause.message,
      retryable: cause.nonRetryable !== true,
      silent: false,
      details: typeof details === 'object' && details !== null ? (details as Record<string, unknown>) : {},
    }
  }
  const message = cause instanceof TimeoutFailure ? `worker lost: ${cause.message}` : String(cause)
  const silent = cause instanceof TimeoutFailure && cause.timeoutType === 'HEARTBEAT'
  return { code: 'SessionLost', message, retryable: true, details: {}, silent }
}

export function problemFrom(failure: Failure, at: number): Problem {
  const next = Object.hasOwn(errorCatalog, failure.code)
    ? errorCatalog[failure.code as ErrorCode].next
    : 'see the worker log'
  return { code: failure.code, message: failure.message, next, details: failure.details, at }
}

/** The owner that a `GenerationFenced` names. */
export function fencedBy(failure: Failure): Owner | null {
  const owner = failure.details['ledgerOwner']
  return typeof owner === 'object' && owner !== null && 'runId' in owner ? (owner as Owner) : null
}

/** The same failure as a workflow's own end: its message is what a person reads first. */
export function asWorkflowFailure(error: unknown): ApplicationFailure {
  const { code, message, details } = failureOf(error)
  return ApplicationFailure.create({ message, type: code, nonRetryable: true, details: [details] })
}
