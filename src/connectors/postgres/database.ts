/** What a statement came to. */
export interface Answer {
  /** With values as `pg` reads them. */
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly rowCount: number
  /** `INSERT`, `COMMIT`, `ROLLBACK`: what the server says it has done. */
  readonly command: string
}

/**
 * One connection, held for a while. Each call is one step: between any two of them a process may be stopped, killed, or
 * overtaken by another owner, and tests do just that.
 */
export interface Session {
  /** Without `values` it may be several statements; then the answer is the last one's. */
  query(text: string, values?: readonly unknown[]): Promise<Answer>
  /** One statement only, whatever is in the text: for what isn't ours. */
  queryOne(text: string, values: readonly unknown[]): Promise<Answer>
  /** `COPY … FROM STDIN` with this as its input. */
  copy(text: string, input: Uint8Array): Promise<void>
  /** Gives it back. Broken: it is in a state that nobody knows, and is closed. */
  release(broken: boolean): void
}

/** A database as one writer uses it. */
export interface Database {
  /** How long one statement may take, in ms. */
  readonly statementMs: number
  /** Schema of the ledger, if not the first of the search path. */
  readonly ledgerSchema: string | undefined
  /** When `signal` aborts, the connection is closed under whoever holds it. */
  connect(signal: AbortSignal): Promise<Session>
  /** This writer needs it no more; its last user closes the connections. */
  close(): Promise<void>
}

/** Opens the database that a worker's settings name: tests put steps between its calls. */
export type OpenDatabase = (settings: unknown) => Promise<Database>
