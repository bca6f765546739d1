import { SinkUnauthorized } from '../../errors/sink.js'
import type { Session } from './database.js'
import type { Target } from './failure.js'
import { quotedTable } from './identifier.js'

export interface Column {
  /** Its type as a cast takes it, without length: a cast would cut silently what an assignment refuses. */
  readonly type: string
  /** How a list is written for it. */
  readonly lists: 'list' | 'json'
}

/** By name. */
export type Columns = ReadonlyMap<string, Column>

/** What the table's columns are. Throws `SinkUnauthorized` where there is no such table. */
export async function columnsOf(session: Session, table: string, target: Target): Promise<Columns> {
  const { rows } = await session.query(CATALOGUE, [quotedTable(table)])
  if (rows.length === 0) {
    const reason = 'there is no such table, or not in the search path'
    throw new SinkUnauthorized({ ...target.at, target: target.target, doing: 'read the columns of its table', reason })
  }
  return new Map(
    rows.map(({ name, type, json }) => [String(name), { type: String(type), lists: json === true ? 'json' : 'list' }]),
  )
}

// A domain is its base type here: its own rules apply when the value is assigned.
const CATALOGUE = `SELECT a.attname AS name, format_type(base.oid, -1) AS type,
    base.oid IN ('json'::regtype, 'jsonb'::regtype) AS json
  FROM pg_attribute a CROSS JOIN LATERAL (
    WITH RECURSIVE chain AS (
      SELECT oid, typtype, typbasetype FROM pg_type WHERE oid = a.atttypid
      UNION ALL
      SELECT t.oid, t.typtype, t.typbasetype FROM chain JOIN pg_type t ON t.oid = chain.typbasetype
      WHERE chain.typtype = 'd'
    ) SELECT oid FROM chain WHERE typtype <> 'd'
  ) base
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`
