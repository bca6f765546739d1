import { TidemarkError } from '../../errors/base.js'
import { ForeignReceipt, type SinkAt, SinkUnauthorized, SinkUnavailable } from '../../errors/sink.js'

/** Which sink, and what it writes to: what every error of it says. */
export interface Target {
  readonly at: SinkAt
  /** `table flights of database 'default'` */
  readonly target: string
}

/** The server's code of an error; '' for what the server did not say. */
export function sqlState(error: unknown): string {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown }
  return typeof code === 'string' && severity !== undefined ? code : ''
}

/** Of data, constraints, or a trigger that refuses: it is about a row. */
export const isRefusal = (error: unknown): boolean => /^(22|23|44|54000|P0001)/.test(sqlState(error))

/** The transaction was rolled back because of another one: the same again may succeed at once. */
export const isConflict = (error: unknown): boolean => /^(40001|40P01)/.test(sqlState(error))

/** The connection is gone, by the network or because the server ended it. */
export const isLost = (error: unknown): boolean =>
  !(error instanceof TidemarkError) && /^$|^08|^57P0[1-4]/.test(sqlState(error))

/** The optional package that everything of Postgres needs. */
export class PackageMissing extends Error {
  override readonly name = 'PackageMissing'

  constructor(cause: unknown) {
    super("the package 'pg' can't be loaded: install it beside this one", { cause })
  }
}

/** Authentication, rights, what isn't there or isn't as the statement has it. A person has to mend that. */
const DENIED = /^(28|3D|3F|42|0A|0L|0P)/
/** What Node's TLS says of a certificate that it doesn't trust. */
const UNTRUSTED = /^(CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(GET|VERIFY)_|ERR_TLS_CERT_)/

/** What a failed step means for the sink. Everything that no person has to mend can be tried again. */
export function sinkFailure({ at, target }: Target, doing: string, error: unknown): unknown {
  if (error instanceof TidemarkError || isAbort(error)) return error
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  const state = sqlState(error)
  const denied =
    error instanceof PackageMissing ||
    DENIED.test(state) ||
    (state === '' && (UNTRUSTED.test(String(code)) || String(message).startsWith('SASL')))
  const Failure = denied ? SinkUnauthorized : SinkUnavailable
  return new Failure({ ...at, target, doing, reason: reasonIn(error) }, error)
}

/** The server's words with its code; connection errors of several addresses have no words of their own. */
export function reasonIn(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonIn).join('; ')
  const message = error instanceof Error ? error.message : String(error)
  const state = sqlState(error)
  return state === '' ? message : `${message} (SQLSTATE ${state})`
}

export function foreign({ at, target }: Target, found: string): ForeignReceipt {
  return new ForeignReceipt({ ...at, target, found })
}

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'
