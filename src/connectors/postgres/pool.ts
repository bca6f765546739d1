import type { Pool, PoolClient, QueryConfig, QueryResult } from 'pg'
import type { Answer, Database, Session } from './database.js'
import { Copy } from './copy.js'
import { PackageMissing } from './failure.js'
import {
  connectionTimeoutMs,
  type PostgresConnection,
  postgresConnectionSchema,
  statementTimeoutMs,
} from './postgres-connection.js'

/** How much longer than the server we wait for it to give a statement up, in ms. */
const GRACE_MS = 5_000
const IDLE_MS = 10_000

interface Shared {
  readonly pool: Pool
  users: number
}

/** One pool per worker and database: the worker's settings are its key, its users are counted. */
const pools = new WeakMap<object, Shared>()

/** Throws where the settings are none of Postgres, or the package `pg` isn't installed. */
export async function openDatabase(settings: unknown): Promise<Database> {
  const connection = postgresConnectionSchema.parse(settings)
  const key = settings as object
  // Only here: the package is optional, and definitions are imported where it isn't needed.
  const { default: pg } = await import('pg').catch((error: unknown) => {
    throw new PackageMissing(error)
  })
  const found = pools.get(key)
  const shared = found ?? { pool: new pg.Pool(poolSettings(connection)), users: 0 }
  if (found === undefined) {
    pools.set(key, shared)
    // Of connections that nobody holds: whoever needs one gets another.
    shared.pool.on('error', () => undefined)
    // The server may close one in the very bytes that open it, before anybody holds it: unheard, that ends the process.
    shared.pool.on('connect', (client) => client.on('error', () => undefined))
  }
  shared.users++
  let open = true
  return {
    statementMs: statementTimeoutMs(connection),
    ledgerSchema: connection.ledgerSchema,
    connect: (signal) => connect(shared.pool, signal),
    async close() {
      if (!open) return
      open = false
      if (--shared.users > 0) return
      pools.delete(key)
      await shared.pool.end()
    },
  }
}

function poolSettings(connection: PostgresConnection) {
  const { connectionString, host, port, database, user, password, ssl, max = 10 } = connection
  return {
    connectionString,
    host,
    port,
    database,
    user,
    password,
    ...(ssl !== undefined && { ssl }),
    max,
    connectionTimeoutMillis: connectionTimeoutMs(connection),
    query_timeout: statementTimeoutMs(connection) + GRACE_MS,
    idleTimeoutMillis: IDLE_MS,
    // A pool without users must not keep a process.
    allowExitOnIdle: true,
    keepAlive: true,
    fallback_application_name: 'tidemark',
  }
}

async function connect(pool: Pool, signal: AbortSignal): Promise<Session> {
  signal.throwIfAborted()
  const client = await pool.connect()
  return new PooledSession(client, signal)
}

class PooledSession implements Session {
  readonly #client: PoolClient
  readonly #signal: AbortSignal
  /** What the connection was lost by, while nobody asked anything. */
  #lost: Error | undefined
  readonly #lose = (error: Error): void => {
    this.#lost ??= error
  }
  readonly #abort = (): void => {
    this.#client.connection.stream.destroy()
  }

  constructor(client: PoolClient, signal: AbortSignal) {
    this.#client = client
    this.#signal = signal
    client.on('error', this.#lose)
    if (signal.aborted) this.#abort()
    else signal.addEventListener('abort', this.#abort, { once: true })
  }

  query(text: string, values?: readonly unknown[]): Promise<Answer> {
    return this.#ask(values === undefined ? { text } : { text, values: [...values] })
  }

  queryOne(text: string, values: readonly unknown[]): Promise<Answer> {
    // The extended protocol takes one statement.
    return this.#ask({ text, values: [...values], queryMode: 'extended' })
  }

  async copy(text: string, input: Uint8Array): Promise<void> {
    try {
      const copy = new Copy(text, input)
      this.#client.query(copy)
      await copy.done
    } catch (error) {
      throw this.#lost ?? error
    }
  }

  release(broken: boolean): void {
    this.#signal.removeEventListener('abort', this.#abort)
    this.#client.removeListener('error', this.#lose)
    this.#client.release(broken)
  }

  async #ask(config: QueryConfig & { readonly queryMode?: 'extended' }): Promise<Answer> {
    try {
      const told = (await this.#client.query<Answer['rows'][number]>(config)) as QueryResult | readonly QueryResult[]
      const { rows, rowCount, command } = lastOf(told)
      return { rows, rowCount: rowCount ?? 0, command }
    } catch (error) {
      throw this.#lost ?? error
    }
  }
}

function lastOf(told: QueryResult | readonly QueryResult[]): QueryResult {
  if (!Array.isArray(told)) return told as QueryResult
  const last = (told as readonly QueryResult[]).at(-1)
  if (last === undefined) throw new TypeError('a query without a statement')
  return last
}
