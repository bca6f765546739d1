import { defineSink } from '../../definition/define-sink.js'
import type { Output, Sink, TransactionalSink } from '../../definition/sink.js'
import type { OpenDatabase, Session } from './database.js'
import { openDatabase } from './pool.js'
import { postgresDefinition } from './sink-definition.js'
import { sinkFaults, statementSchema } from './sink-options.js'

export interface StatementResult {
  /** With values as `pg` reads them. */
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly rowCount: number
}

/** The transaction of one commit, open. It ends by itself. */
export interface PostgresTransaction {
  /**
   * One statement, with `values` for `$1`, `$2`, … as `pg` takes them. Rejects with `pg`'s error. Throws a `TypeError` for
   * one that would begin or end a transaction; savepoints are free.
   */
  query(text: string, values?: readonly unknown[]): Promise<StatementResult>
}

export interface PostgresStatementSinkOptions<T> {
  /**
   * Writes the outputs of one commit, in order. It may be called again with the same ones or some of them, after what it did
   * was rolled back, so it must do nothing outside of the transaction. Awaits what it asks.
   */
  readonly write: (tx: PostgresTransaction, outputs: readonly Output<T>[]) => Promise<void>
  /** The database's name in the plugin's `databases` option. Default: that of its `postgres` option. */
  readonly database?: string
}

/**
 * Runs statements of your own, in one transaction with the receipt. Exactly-once, as `postgresSink`. Values have to have
 * JSON, which the digest of outputs runs over. Where the server refuses data (SQLSTATE classes 22, 23, 44, and P0001), the
 * first output that it refuses is searched for, and is a bad record.
 */
export function postgresStatementSink<T>(options: PostgresStatementSinkOptions<T>): Sink<T> {
  return defineSink(postgresStatementDefinition(options, openDatabase))
}

/** The sink over any database: tests stop it between any two steps. */
export function postgresStatementDefinition<T>(
  options: PostgresStatementSinkOptions<T>,
  open: OpenDatabase,
): TransactionalSink<T, Output<T>> {
  const { write, database = 'default' } = options
  return {
    ...postgresDefinition<Output<T>>(open, database, 'statements', () =>
      Promise.resolve((session, items) =>
        write(
          transactionOn(session),
          items.map(({ data }) => data),
        ),
      ),
    ),
    faults: sinkFaults(statementSchema, options),
    encode: (output) => output,
    digest: ({ value }) => jsonBytes(value),
  }
}

/** Comments before it don't make a statement another one. */
const ENDS =
  /^(\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(begin|start|commit|end|abort|prepare\s+transaction|rollback(?!\s+(work\s+|transaction\s+)?to\b))\b/i

function transactionOn(session: Session): PostgresTransaction {
  return {
    async query(text: string, values: readonly unknown[] = []) {
      if (ENDS.test(text)) throw new TypeError(`the transaction begins and ends by itself: ${text.trim().slice(0, 40)}`)
      const { rows, rowCount } = await session.queryOne(text, values)
      return { rows, rowCount }
    },
  }
}

function jsonBytes(value: unknown): Uint8Array {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`JSON cannot express ${typeof value}`)
  return Buffer.from(text)
}
