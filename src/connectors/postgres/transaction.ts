import type { Database, Session } from './database.js'
import { sqlState } from './failure.js'

/** A process that stands still within its transaction holds what it wrote for so long, in ms, if nobody ends it before. */
const IDLE_MS = 60_000

/** Holds a connection for as long as `body` runs. */
export async function using<R>(
  database: Database,
  signal: AbortSignal,
  body: (session: Session) => Promise<R>,
): Promise<R> {
  const session = await database.connect(signal)
  let whole = false
  try {
    const result = await body(session)
    whole = true
    return result
  } finally {
    // Closing a connection is a rollback too, and needs no answer.
    session.release(!whole)
  }
}

export interface TransactionSettings {
  /** Of the ledger: tells whose transaction this is. Null: nobody ends it. */
  readonly lock: string | null
  /** How long to wait for rows and tables that others hold, in ms. */
  readonly lockMs: number
  readonly statementMs: number
  readonly end: 'COMMIT' | 'ROLLBACK'
}

/**
 * Runs `body` in a transaction of that ledger, on a connection that is given up if this rejects. Resolves only when the
 * server has committed, or rolled back where that is wanted; what it rejects with leaves the outcome to the ledger.
 */
export async function transaction<R>(
  session: Session,
  { lock, lockMs, statementMs, end }: TransactionSettings,
  body: () => Promise<R>,
): Promise<R> {
  // One message for all that a transaction needs. The shared lock bars nobody.
  await session.query(
    `BEGIN; SET LOCAL lock_timeout = ${lockMs}; SET LOCAL statement_timeout = ${statementMs};
    SET LOCAL idle_in_transaction_session_timeout = ${Math.max(IDLE_MS, statementMs)};
    SELECT ${lock === null ? 'NULL' : `pg_advisory_xact_lock_shared(${lock})`},
      CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END`,
  )
  const result = await body()
  const { command } = await session.query(end)
  // A transaction that has failed answers COMMIT with a rollback, and calls that no error.
  if (command !== end) throw new Error(`the server answered ${end} with ${command}`)
  return result
}

/**
 * Ends the transactions that hold these locks: an owner that was stopped in its midst would keep its rows until a time-out.
 * Whoever may not do that waits for the time-out instead.
 */
export async function endHolders(session: Session, locks: readonly string[]): Promise<void> {
  await session.query('SAVEPOINT tidemark')
  try {
    await session.query(END_HOLDERS, [locks])
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error
    await session.query('ROLLBACK TO SAVEPOINT tidemark')
  }
}

const END_HOLDERS = `SELECT pg_terminate_backend(pid) FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = ANY ($1::bigint[])
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()`
const INSUFFICIENT_PRIVILEGE = '42501'
