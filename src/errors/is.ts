import type { Details, TidemarkError } from './base.js'
import { errorCatalog, type ErrorCode } from './catalog.js'
import type * as errors from './index.js'

type Classes = typeof errors
/** The details of each error, by its code. */
export type ErrorDetails = {
  readonly [C in ErrorCode]: C extends keyof Classes
    ? Classes[C] extends abstract new (...args: never) => TidemarkError<infer D>
      ? D
      : Details
    : Details
}

/** What is known of an error once its code is. */
export interface TidemarkErrorOf<C extends ErrorCode> extends Error {
  readonly code: C
  readonly retryable: boolean
  readonly next: string
  readonly details: ErrorDetails[C]
}

/** Longer chains of causes than this are no longer followed: they are cycles or noise. */
const deepest = 20

/**
 * Whether `error` is one of this library's, of that code if one is given, or has one among its causes: what an activity
 * threw reaches workflow and client as an `ApplicationFailure` (its type is the code) inside other failures.
 *
 * On true, such an outer failure carries `code`, `retryable`, `next` and `details` of the error inside as properties of
 * its own, not enumerable, so that what the type says is there. An `ApplicationFailure` keeps its list of details, and
 * the list carries the named ones.
 */
export function isTidemarkError(error: unknown): error is TidemarkErrorOf<ErrorCode>
export function isTidemarkError<C extends ErrorCode>(error: unknown, code: C): error is TidemarkErrorOf<C>
export function isTidemarkError(error: unknown, code?: ErrorCode): boolean {
  let inner = error
  for (let depth = 0; depth < deepest && inner instanceof Error; depth++) {
    const known = knownAs(inner)
    if (known !== undefined) {
      if (code !== undefined && code !== known.code) return false
      if (error instanceof Error && (inner !== error || isFailure(inner))) adopt(error, known)
      return true
    }
    inner = inner.cause
  }
  return false
}

interface Known {
  readonly code: ErrorCode
  readonly details: object
}

/** What an error itself says it is. Asks for shape, not class: it may come from another copy of this package, or of Temporal's. */
function knownAs(error: Error): Known | undefined {
  const code: unknown = isFailure(error) ? error.type : 'code' in error && error.code === error.name && error.code
  if (!isCode(code)) return undefined
  const details: unknown = 'details' in error ? error.details : undefined
  const first: unknown = Array.isArray(details) ? details[0] : details
  return { code, details: typeof first === 'object' && first !== null ? first : {} }
}

/** An `ApplicationFailure`, by what Temporal's own `instanceof` goes by: its name. */
function isFailure(error: Error): error is Error & { readonly type: unknown } {
  return error.name === 'ApplicationFailure' && 'type' in error
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalog, code)
}

function adopt(error: Error, { code, details }: Known): void {
  define(error, 'code', code)
  define(error, 'retryable', errorCatalog[code].retryable)
  define(error, 'next', errorCatalog[code].next)
  const own: unknown = 'details' in error ? error.details : undefined
  if (Array.isArray(own)) for (const [name, value] of Object.entries(details)) define(own, name, value)
  else define(error, 'details', isFailure(error) ? [] : details)
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: false })
}
