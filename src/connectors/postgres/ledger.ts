import { createHash } from 'node:crypto'
import { receiptSchema } from '../../definition/receipt-schema.js'
import type { Receipt } from '../../definition/sink.js'
import type { Session } from './database.js'
import { foreign, sqlState, type Target } from './failure.js'
import { quoted } from './identifier.js'

const TABLE = 'tidemark_ledger'

export interface PostgresLedgerOptions {
  /** As `ledgerSchema` of the connection. Default: the first of the search path. */
  readonly schema?: string
}

/** The table that sinks keep their receipts in, for databases where they may not create it themselves. */
export function postgresLedgerDdl({ schema }: PostgresLedgerOptions = {}): string {
  return `CREATE TABLE IF NOT EXISTS ${ledgerTable(schema)} (
  ledger_key text PRIMARY KEY,
  seq bigint NOT NULL,
  generation bigint NOT NULL,
  incarnation bigint NOT NULL,
  claim bigint NOT NULL,
  run_id text NOT NULL,
  receipt json NOT NULL CHECK (length(receipt::text) <= 4096),
  committed_at timestamptz NOT NULL DEFAULT now()
)`
}

const ledgerTable = (schema: string | undefined): string =>
  schema === undefined ? TABLE : `${quoted(schema)}.${TABLE}`

/** The receipt of one task and sink: one row, changed by compare-and-set on its sequence and owner (PROTOCOL §3.7). */
export class Ledger {
  /** By these the server's list of locks tells transactions of this ledger: decimal numbers of 64 bits. */
  readonly locks: { readonly commit: string; readonly fence: string }
  readonly #schema: string | undefined
  readonly #table: string
  readonly #key: string
  readonly #target: Target

  constructor(schema: string | undefined, key: string, target: Target) {
    this.#schema = schema
    this.#table = ledgerTable(schema)
    this.#key = key
    this.#target = target
    const lock = (kind: string): string => lockNumber(`${this.#table}\0${key}\0${kind}`)
    this.locks = { commit: lock('commit'), fence: lock('fence') }
  }

  /** The newest receipt, null where nothing was ever committed. `settled`: waits for whoever is just changing it. */
  async read(session: Session, settled = false): Promise<Receipt | null> {
    try {
      // As text: what is read must be judged here, not by a parser that throws what nobody expects.
      const text = `SELECT seq::text, receipt::text FROM ${this.#table} WHERE ledger_key = $1${settled ? ' FOR SHARE' : ''}`
      const [row] = (await session.query(text, [this.#key])).rows
      return row === undefined ? null : this.#receiptIn(row)
    } catch (error) {
      if (sqlState(error) === UNDEFINED_TABLE) return null
      throw error
    }
  }

  /** Makes the table unless it is there. */
  async create(session: Session): Promise<void> {
    const { rows } = await session.query('SELECT to_regclass($1) IS NOT NULL AS there', [this.#table])
    if (rows[0]?.['there'] === true) return
    try {
      await session.query(postgresLedgerDdl(this.#schema === undefined ? {} : { schema: this.#schema }))
    } catch (error) {
      // Another one made it at the same time: `IF NOT EXISTS` does not see that.
      if (!MADE_BY_ANOTHER.has(sqlState(error))) throw error
    }
  }

  /** The first receipt. False: another owner was quicker. */
  async begin(session: Session, receipt: Receipt): Promise<boolean> {
    const text = `INSERT INTO ${this.#table} (ledger_key, seq, generation, incarnation, claim, run_id, receipt)
      VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (ledger_key) DO NOTHING`
    return (await session.query(text, [this.#key, ...valuesOf(receipt)])).rowCount === 1
  }

  /** Puts `receipt` in the place of `last`. False: something else is there. */
  async follow(session: Session, last: Receipt, receipt: Receipt): Promise<boolean> {
    const { seq, owner } = last
    const text = `UPDATE ${this.#table} SET seq = $2, generation = $3, incarnation = $4, claim = $5, run_id = $6,
      receipt = $7, committed_at = now()
      WHERE ledger_key = $1 AND seq = $8 AND generation = $9 AND incarnation = $10 AND claim = $11 AND run_id = $12`
    const values = [this.#key, ...valuesOf(receipt), seq, ...ownerOf(owner)]
    return (await session.query(text, values)).rowCount === 1
  }

  #receiptIn(row: Readonly<Record<string, unknown>>): Receipt {
    const parsed = receiptSchema.safeParse(jsonIn(row['receipt']))
    if (!parsed.success) throw foreign(this.#target, `no receipt in ${this.#table}, row '${this.#key}'`)
    if (String(parsed.data.seq) !== row['seq']) {
      throw foreign(this.#target, `receipt ${parsed.data.seq} beside seq ${String(row['seq'])} in ${this.#table}`)
    }
    return parsed.data
  }
}

const UNDEFINED_TABLE = '42P01'
/** Duplicate table, and unique violations of the server's own catalogue. */
const MADE_BY_ANOTHER = new Set(['42P07', '23505', '42710'])

const lockNumber = (name: string): string => createHash('sha256').update(name).digest().readBigInt64BE().toString()

const ownerOf = ({ generation, incarnation, claim, runId }: Receipt['owner']): readonly unknown[] => [
  generation,
  incarnation,
  claim,
  runId,
]

const valuesOf = (receipt: Receipt): readonly unknown[] => [
  receipt.seq,
  ...ownerOf(receipt.owner),
  JSON.stringify(receipt),
]

function jsonIn(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return undefined
  }
}
