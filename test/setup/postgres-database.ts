import { Client, Pool, type QueryResultRow } from 'pg'
import { uniqueName } from './unique-name.js'

/** A database of a test's own, and a connection that sees what is committed in it. */
export interface TestDatabase {
  /** With user and password. */
  readonly url: string
  /** Rows of the last statement. */
  ask<R extends QueryResultRow = QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>
  drop(): Promise<void>
}

/** Makes a database on that server. `server`: URL of a superuser. */
export async function testDatabase(server: string): Promise<TestDatabase> {
  const name = uniqueName('test').replaceAll('-', '_')
  await once(server, `CREATE DATABASE ${name}`)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).toString()
  const pool = new Pool({ connectionString: url, max: 2, options: '-c timezone=UTC' })
  // The server may be killed under it; whoever asks next learns of that.
  pool.on('error', () => undefined)
  return {
    url,
    async ask<R extends QueryResultRow>(text: string, values: readonly unknown[] = []) {
      return (await pool.query<R>(text, [...values])).rows
    },
    async drop() {
      await pool.end()
      await once(server, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

async function once(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
