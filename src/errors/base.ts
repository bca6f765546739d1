import { errorCatalog, type ErrorCode } from './catalog.js'

/** Details of any error: plain JSON values, safe for history and logs, never a secret. */
export type Details = Readonly<Record<string, unknown>>

/**
 * The root of all errors of this library. `code` equals the class name and the `type` of the Temporal failure it
 * becomes: one word to search for in code, Web UI and docs.
 */
export abstract class TidemarkError<D extends Details = Details> extends Error {
  readonly code: ErrorCode
  /** Whether the same attempt can succeed later without anybody changing anything. */
  readonly retryable: boolean
  /** What the reader of this error does next. */
  readonly next: string
  readonly details: D

  constructor(code: ErrorCode, message: string, details: D, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = code
    this.code = code
    this.retryable = errorCatalog[code].retryable
    this.next = errorCatalog[code].next
    this.details = details
  }
}

/** The message of anything thrown, for sentences that quote it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
