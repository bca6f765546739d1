import { z } from 'zod'
import { type Duration, parseDuration } from '../../units.js'

/**
 * How a worker reaches one Postgres database: the plugin options `postgres` and `databases`. What isn't given comes from
 * `PGHOST`, `PGUSER` and their like, as with every Postgres tool.
 */
export interface PostgresConnection {
  /** `postgres://user:password@host:port/database`. Instead of the five that follow. */
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly user?: string
  /** Or a function that is asked for it before each new connection: for tokens that expire. */
  readonly password?: string | (() => string | Promise<string>)
  /** True, or options of Node's `tls.connect` (`ca`, `cert`, `key`, …). Default: no TLS. */
  readonly ssl?: boolean | object
  /** Connections of this process at most. A task holds one only while it commits. Default: 10. */
  readonly max?: number
  /** How long to wait for a connection, in ms or with a unit; also for one of `max`. Default: 10 s. */
  readonly connectionTimeout?: Duration
  /** How long one statement may take, in ms or with a unit. Default: 1 minute. */
  readonly statementTimeout?: Duration
  /** Schema of the table `tidemark_ledger`; the schema has to be there. Default: the first of the search path. */
  readonly ledgerSchema?: string
}

const duration = z.custom<Duration>((value) => {
  const ms = parseDuration(value)
  return ms !== null && ms > 0
}, 'must be a duration above zero, as 5000 (ms) or "5s"')

const filled = z.string('must be a text').min(1, 'must not be empty')
const parts = ['host', 'port', 'database', 'user', 'password'] as const

/** Checks a `PostgresConnection`. Its messages never quote a value: there are secrets among them. */
export const postgresConnectionSchema: z.ZodType<PostgresConnection> = z
  .strictObject({
    connectionString: z.string().refine(isPostgresUrl, 'must be postgres://user:password@host:port/database'),
    host: filled,
    port: z.number().int().min(1).max(65_535),
    database: filled,
    user: filled,
    password: z.union([
      z.string(),
      z.custom<() => string>((value) => typeof value === 'function', 'must be a text or a function'),
    ]),
    ssl: z.union([z.boolean(), z.custom<object>(isPlainObject, 'must be true, false or TLS options')]),
    max: z.number().int().min(1),
    connectionTimeout: duration,
    statementTimeout: duration,
    ledgerSchema: filled,
  })
  .partial()
  .refine(
    (given) => given.connectionString === undefined || parts.every((part) => given[part] === undefined),
    `connectionString goes without ${parts.join(', ')}`,
  ) as unknown as z.ZodType<PostgresConnection>

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text)
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Milliseconds to wait for a connection. */
export function connectionTimeoutMs({ connectionTimeout }: PostgresConnection): number {
  return parseDuration(connectionTimeout ?? '10s') ?? 0
}

/** Milliseconds that one statement may take. */
export function statementTimeoutMs({ statementTimeout }: PostgresConnection): number {
  return parseDuration(statementTimeout ?? '1m') ?? 0
}
