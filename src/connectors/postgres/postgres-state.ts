import { z } from 'zod'
import { faultsOf } from '../../definition/faults-of.js'
import type { SegmentStore, StateBackend, StateContext } from '../../definition/state-backend.js'
import { type RetainOption, retainMsOf, retainSchema } from '../state-options.js'
import type { Answer, Database, OpenDatabase, Session } from './database.js'
import { sqlState } from './failure.js'
import { quoted, quotedTable } from './identifier.js'
import { openDatabase } from './pool.js'
import { transaction, using } from './transaction.js'

export interface PostgresStateOptions extends RetainOption {
  /**
   * `table` or `schema.table`; made on demand, pipelines may share it. Default: `tidemark_state`, in the schema that the
   * connection gives for ledgers.
   */
  readonly table?: string
  /** The database's name in the plugin's `databases` option. Default: that of its `postgres` option. */
  readonly database?: string
}

const filled = z.string('must be a text').min(1, 'must not be empty')

const schema = z.strictObject(
  {
    table: z
      .string('must be the name of a table')
      .regex(/^[^.\p{Cc}]+(\.[^.\p{Cc}]+)?$/u, "must be 'table' or 'schema.table'")
      .optional(),
    database: filled.optional(),
    retain: retainSchema,
  },
  'must be an object of options',
)

const TABLE = 'tidemark_state'

/** Keeps state in rows of a table, which never change. Needs `pg`. */
export function postgresState(options: PostgresStateOptions = {}): StateBackend {
  return postgresStateIn(options, openDatabase)
}

/** The backend over any database: tests put steps between its calls. */
export function postgresStateIn(options: PostgresStateOptions, open: OpenDatabase): StateBackend {
  const { table, database = 'default' } = options
  const where = `table ${table ?? TABLE}`
  return {
    kind: 'postgres',
    describe: database === 'default' ? where : `${where} of database ${database}`,
    retainMs: retainMsOf(options),
    faults: faultsOf(schema, options, ''),
    async open(ctx) {
      const held = await open(ctx.connection('postgres', database))
      try {
        const name = tableName(table, held.ledgerSchema)
        await using(held, ctx.signal, (session) => create(session, name))
        return storeIn(held, name, ctx)
      } catch (error) {
        await held.close()
        throw error
      }
    },
  }
}

/** The table that state is kept in, for databases where workers may not create it themselves. */
export function postgresStateDdl({ table }: Pick<PostgresStateOptions, 'table'> = {}): string {
  return ddl(tableName(table, undefined))
}

const tableName = (table: string | undefined, ledgerSchema: string | undefined): string =>
  table !== undefined ? quotedTable(table) : ledgerSchema === undefined ? TABLE : `${quoted(ledgerSchema)}.${TABLE}`

// Blobs are compressed already.
const ddl = (name: string): string => `CREATE TABLE IF NOT EXISTS ${name} (
  namespace text NOT NULL,
  pipeline text NOT NULL,
  stage text NOT NULL,
  partition integer NOT NULL,
  key text NOT NULL,
  blob bytea NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (namespace, pipeline, stage, partition, key)
);
ALTER TABLE ${name} ALTER blob SET STORAGE EXTERNAL`

async function create(session: Session, name: string): Promise<void> {
  const { rows } = await session.query('SELECT to_regclass($1) IS NOT NULL AS there', [name])
  if (rows[0]?.['there'] === true) return
  try {
    await session.query(ddl(name))
  } catch (error) {
    // Another one made it at the same time: `IF NOT EXISTS` does not see that.
    if (!MADE_BY_ANOTHER.has(sqlState(error))) throw error
  }
}

/** Duplicate table, and unique violations of the server's own catalogue; tuple concurrently updated. */
const MADE_BY_ANOTHER = new Set(['42P07', '23505', '42710', 'XX000'])

/** How long to wait for rows that others hold, in ms. */
const LOCK_MS = 10_000
const PAGE = 1_000

function storeIn(database: Database, table: string, ctx: StateContext): SegmentStore {
  const { namespace, pipeline, stage, partition, signal } = ctx
  const task = [namespace, pipeline, stage, partition]
  const own = 'namespace = $1 AND pipeline = $2 AND stage = $3 AND partition = $4'
  const ask = (text: string, values: readonly unknown[]): Promise<Answer> =>
    using(database, signal, (session) => session.query(text, [...task, ...values]))
  const durably = (text: string, values: readonly unknown[]): Promise<Answer> =>
    using(database, signal, (session) =>
      transaction(session, { lock: null, lockMs: LOCK_MS, statementMs: database.statementMs, end: 'COMMIT' }, () =>
        session.query(text, [...task, ...values]),
      ),
    )
  return {
    async put(key, blob) {
      await durably(
        `INSERT INTO ${table} (namespace, pipeline, stage, partition, key, blob, at)
          VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
          ON CONFLICT (namespace, pipeline, stage, partition, key) DO UPDATE SET at = excluded.at`,
        [key, blob],
      )
    },

    async get(key) {
      const { rows } = await ask(`SELECT blob FROM ${table} WHERE ${own} AND key = $5`, [key])
      return (rows[0]?.['blob'] as Uint8Array | undefined) ?? null
    },

    async *list() {
      for (let from = ''; ;) {
        const { rows } = await ask(
          `SELECT key, octet_length(blob) AS bytes, (extract(epoch FROM at) * 1000)::float8 AS at
            FROM ${table} WHERE ${own} AND key > $5 ORDER BY key LIMIT ${PAGE}`,
          [from],
        )
        for (const { key, bytes, at } of rows) yield { key: String(key), bytes: Number(bytes), at: Number(at) }
        const last = rows.at(-1)
        if (last === undefined || rows.length < PAGE) return
        from = String(last['key'])
      }
    },

    async touch(keys) {
      await durably(`UPDATE ${table} SET at = clock_timestamp() WHERE ${own} AND key = ANY ($5)`, [[...keys]])
    },

    async delete(keys) {
      await ask(`DELETE FROM ${table} WHERE ${own} AND key = ANY ($5)`, [[...keys]])
    },

    close: () => database.close(),
  }
}
