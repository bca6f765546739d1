/** Postgres: as a sink, rows or statements of your own, exactly-once; and as a place for state. Needs the package `pg`. */
export { postgresState, postgresStateDdl, type PostgresStateOptions } from './postgres-state.js'
export { postgresSink, type PostgresSinkOptions } from './postgres-sink.js'
export {
  postgresStatementSink,
  type PostgresStatementSinkOptions,
  type PostgresTransaction,
  type StatementResult,
} from './statement-sink.js'
export { postgresLedgerDdl, type PostgresLedgerOptions } from './ledger.js'
export type { PostgresConnection } from './postgres-connection.js'
