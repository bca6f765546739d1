import { defineSink } from '../../definition/define-sink.js'
import type { Sink, TransactionalSink } from '../../definition/sink.js'
import { columnsOf } from './columns.js'
import type { OpenDatabase } from './database.js'
import { Inserter, type TableOptions } from './insert.js'
import { openDatabase } from './pool.js'
import { type Row, rowDigest, rowEncoder } from './row.js'
import { sinkFaults, tableSchema } from './sink-options.js'
import { postgresDefinition } from './sink-definition.js'

export interface PostgresSinkOptions<T extends object> {
  /** `table` or `schema.table`, as it is spelled in the database. It has to be there. */
  readonly table: string
  /**
   * A row whose key is there already replaces its columns; of several within one commit the last counts. The table needs a
   * primary key or unique index of exactly these columns. Default: every output is a new row.
   */
  readonly upsert?: { readonly key: readonly [keyof T & string, ...(keyof T & string)[]] }
  /**
   * `insert`: one statement for many rows. `copy`: Postgres's own bulk load, for many rows a second; not with `upsert`, and
   * not where row-level security or rules apply. Default: `insert`.
   */
  readonly method?: 'insert' | 'copy'
  /** The database's name in the plugin's `databases` option. Default: that of its `postgres` option. */
  readonly database?: string
}

/**
 * Writes each output as a row, its properties into the columns of the same names; a property that is `undefined` or missing
 * leaves its column to the default. Exactly-once: rows and receipt (a row of the table `tidemark_ledger`, made on demand)
 * are one transaction.
 *
 * Values go by their columns' types: texts as the server reads them, `Date` in UTC, `Uint8Array` into `bytea`, arrays into
 * lists or JSON, objects into JSON. A row that the database refuses is a bad record: see `onError`. Rows are kept
 * in memory until their commit.
 */
export function postgresSink<T extends object>(options: PostgresSinkOptions<T>): Sink<T> {
  return defineSink(postgresSinkDefinition(options, openDatabase))
}

/** The sink over any database: tests stop it between any two steps. */
export function postgresSinkDefinition<T extends object>(
  options: PostgresSinkOptions<T>,
  open: OpenDatabase,
): TransactionalSink<T, Row> {
  const { table, upsert, method = 'insert', database = 'default' } = options
  const key = upsert?.key ?? null
  const tableOptions: TableOptions = { table, method, key }
  return {
    ...postgresDefinition<Row>(open, database, `table ${table}`, async (session, target) => {
      const inserter = new Inserter(tableOptions, await columnsOf(session, table, target), target)
      return (within, items) => inserter.apply(within, items)
    }),
    faults: sinkFaults(tableSchema, options),
    encode: rowEncoder(key ?? []),
    digest: rowDigest,
  }
}
