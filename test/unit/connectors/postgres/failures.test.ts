/** What each failure of a database means: for the record, for a person who has to mend something, or for nobody. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'
import { type PostgresSinkOptions, postgresSinkDefinition } from '../../../../src/connectors/postgres/postgres-sink.js'
import type { PostgresConnection } from '../../../../src/connectors/postgres/postgres-connection.js'
import { postgresStatementDefinition } from '../../../../src/connectors/postgres/statement-sink.js'
import { SinkUnauthorized, SinkUnavailable } from '../../../../src/errors/sink.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { waitUntil } from '../../../setup/wait-until.js'
import { type Claimed, claimed, Rejected, stepped } from './claims.js'

let database: TestDatabase
let tables = 0

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
})
afterAll(async () => {
  await database.drop()
})

type Row = Readonly<Record<string, unknown>>

async function newTable(columns: string): Promise<string> {
  const table = `t${++tables}`
  await database.ask(`CREATE TABLE ${table} (${columns})`)
  return table
}

const connection = (): PostgresConnection => ({ connectionString: database.url })

function opened(
  options: PostgresSinkOptions<Row>,
  via = connection(),
  key = uniqueName('ledger'),
): Promise<Claimed<Row>> {
  return claimed(postgresSinkDefinition<Row>(options, openDatabase), { connection: via, key })
}

const failure = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(() => null).catch((error: unknown) => error)

describe.each(['insert', 'copy'] as const)('a row that is refused, by %s', (method) => {
  test.each([
    ['invalid text', 'v integer', { v: 1 }, { v: 'x' }, 'invalid input syntax for type integer: "x" (SQLSTATE 22P02)'],
    ['a number out of range', 'v smallint', { v: 1 }, { v: 40_000 }, '(SQLSTATE 22003)'],
    ['a zero byte', 'v text', { v: 'a' }, { v: 'a\0b' }, '(SQLSTATE 22021)'],
    ['no JSON', 'v jsonb', { v: '{}' }, { v: 'no json' }, '(SQLSTATE 22P02)'],
    ['null where none may be', 'v integer NOT NULL', { v: 1 }, { v: null }, '(SQLSTATE 23502)'],
    ['a check', 'v integer CHECK (v > 0)', { v: 1 }, { v: -1 }, '(SQLSTATE 23514)'],
    ['a deferred constraint', 'v integer UNIQUE DEFERRABLE INITIALLY DEFERRED', { v: 1 }, { v: 2 }, '(SQLSTATE 23505)'],
  ])('by %s is named, and nothing of its commit is there', async (_, columns, good, bad, reason) => {
    const table = await newTable(`${columns}, n integer`)
    if (columns.includes('DEFERRED')) await database.ask(`INSERT INTO ${table} (v) VALUES (2)`)
    const before = await database.ask(`SELECT * FROM ${table}`)
    const claim = await opened({ table, method })
    const rows = Array.from({ length: 100 }, (_row, n) => (n === 61 || n === 80 ? { ...bad, n } : { ...good, n }))
    const unique = columns.includes('UNIQUE') ? rows.map((row) => ({ ...row, v: row.v === 2 ? 2 : 100 + row.n })) : rows
    const refused = await failure(claim.commit(unique))
    expect(refused).toBeInstanceOf(Rejected)
    expect(refused).toMatchObject({ itemId: 'item-61', reason: expect.stringContaining(reason) as unknown })
    expect(await database.ask(`SELECT * FROM ${table}`)).toEqual(before)
    // A refusal is no error: the writer goes on with the others.
    await claim.abort()
    await claim.commit([{ ...good, n: 0 }])
    expect(await database.ask(`SELECT v FROM ${table} WHERE n = 0`)).toHaveLength(1)
    await claim.writer.close()
  })

  test('as the second of two alike is the second', async () => {
    const table = await newTable('v integer PRIMARY KEY')
    const claim = await opened({ table, method })
    const refused = await failure(claim.commit([5, 6, 7, 6, 8].map((v) => ({ v }))))
    expect(refused).toMatchObject({ name: 'Rejected', itemId: 'item-3' })
    await claim.writer.close()
  })

  test('by a trigger is named', async () => {
    const table = await newTable('v integer')
    await database.ask(`CREATE FUNCTION no_sevens_${method}() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.v = 7 THEN RAISE EXCEPTION 'seven is taken'; END IF; RETURN NEW; END $$`)
    await database.ask(
      `CREATE TRIGGER no BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION no_sevens_${method}()`,
    )
    const claim = await opened({ table, method })
    const refused = await failure(claim.commit([6, 7, 8].map((v) => ({ v }))))
    expect(refused).toMatchObject({ itemId: 'item-1', reason: 'seven is taken (SQLSTATE P0001)' })
    await claim.writer.close()
  })
})

describe('what a successor has written', () => {
  test('makes no row of its predecessor a bad one', async () => {
    const table = await newTable('v integer PRIMARY KEY')
    const key = uniqueName('ledger')
    const sink = postgresSinkDefinition<Row>({ table }, openDatabase)
    const older = await claimed(sink, { connection: connection(), key, claim: 1 })
    const newer = await claimed(sink, { connection: connection(), key, claim: 2 })
    await newer.commit([{ v: 1 }, { v: 2 }])
    expect(await failure(older.commit([{ v: 1 }]))).toMatchObject({
      code: 'GenerationFenced',
      details: { ledgerOwner: newer.owner },
    })
    await older.writer.close()
    await newer.writer.close()
  })
})

describe('statements of the user', () => {
  const sink = (table: string, write?: (outputs: readonly number[]) => string) =>
    postgresStatementDefinition<number>(
      {
        async write(tx, outputs) {
          const numbers = outputs.map(({ value }) => value)
          if (write !== undefined) await tx.query(write(numbers))
          else await tx.query(`INSERT INTO ${table} SELECT 12 / n FROM unnest($1::int[]) AS n`, [numbers])
        },
      },
      openDatabase,
    )

  test('are committed with the receipt, and the output they fail for is named', async () => {
    const table = await newTable('v integer')
    const claim = await claimed(sink(table), { connection: connection(), key: uniqueName('ledger') })
    await claim.commit([1, 2, 3])
    expect(await failure(claim.commit([4, 6, 0, 12]))).toMatchObject({
      itemId: 'item-5',
      reason: 'division by zero (SQLSTATE 22012)',
    })
    await claim.abort()
    await claim.commit([4])
    expect(await database.ask(`SELECT v FROM ${table}`)).toEqual([{ v: 12 }, { v: 6 }, { v: 4 }, { v: 3 }])
    await claim.writer.close()
  })

  test.each([
    'COMMIT',
    '  commit work',
    '-- a comment\nEND',
    '/* one */ /* and\nanother */ ROLLBACK',
    'rollback work',
    'ABORT',
    'BEGIN',
    'start transaction',
    `PREPARE TRANSACTION 'x'`,
    'SELECT 1; COMMIT',
  ])('must not end the transaction: %s', async (text) => {
    const table = await newTable('v integer')
    const claim = await claimed(
      sink(table, () => text),
      { connection: connection(), key: uniqueName('ledger') },
    )
    await expect(claim.commit([1])).rejects.toThrow(/begins and ends by itself|multiple commands/)
    await claim.writer.close()
  })

  test('may use savepoints', async () => {
    const table = await newTable('v integer PRIMARY KEY')
    const lenient = postgresStatementDefinition<number>(
      {
        async write(tx, outputs) {
          for (const { value } of outputs) {
            await tx.query('SAVEPOINT one')
            const insert = tx.query(`INSERT INTO ${table} VALUES ($1)`, [value])
            await insert.catch(() => tx.query('ROLLBACK TO one'))
          }
        },
      },
      openDatabase,
    )
    const claim = await claimed(lenient, { connection: connection(), key: uniqueName('ledger') })
    await claim.commit([1, 1, 2])
    expect(await database.ask(`SELECT v FROM ${table}`)).toEqual([{ v: 1 }, { v: 2 }])
    await claim.writer.close()
  })

  test('that swallow an error commit nothing', async () => {
    const table = await newTable('v integer')
    const careless = postgresStatementDefinition<number>(
      {
        async write(tx) {
          await tx.query(`INSERT INTO ${table} VALUES (1)`)
          await tx.query('SELECT 1 / 0').catch(() => undefined)
        },
      },
      openDatabase,
    )
    const claim = await claimed(careless, { connection: connection(), key: uniqueName('ledger') })
    expect(await failure(claim.commit([1]))).toBeInstanceOf(SinkUnavailable)
    expect(await database.ask(`SELECT v FROM ${table}`)).toEqual([])
    await claim.writer.close()
  })
})

describe('what a person has to mend', () => {
  test('a table that is not there', async () => {
    const error = await failure(opened({ table: 'nowhere' }))
    expect(error).toBeInstanceOf(SinkUnauthorized)
    expect(String(error)).toContain('(table nowhere): there is no such table')
  })

  test('a column that is not there', async () => {
    const table = await newTable('v integer')
    const claim = await opened({ table })
    const error = await failure(claim.commit([{ v: 1, w: 2 }]))
    expect(error).toBeInstanceOf(SinkUnauthorized)
    expect(String(error)).toContain(`(table ${table}): the table has no column 'w'`)
    await claim.writer.close()
  })

  test('a table that went away', async () => {
    const table = await newTable('v integer')
    const claim = await opened({ table })
    await database.ask(`DROP TABLE ${table}`)
    expect(await failure(claim.commit([{ v: 1 }]))).toBeInstanceOf(SinkUnauthorized)
    await claim.writer.close()
  })

  test('a key without a unique index', async () => {
    const table = await newTable('v integer')
    const claim = await opened({ table, upsert: { key: ['v'] } })
    const error = await failure(claim.commit([{ v: 1 }]))
    expect(error).toBeInstanceOf(SinkUnauthorized)
    expect(String(error)).toContain('no unique or exclusion constraint')
    await claim.writer.close()
  })

  test('rights, on the table and to make the ledger', async () => {
    const role = uniqueName('role').replaceAll('-', '_')
    const table = await newTable('v integer')
    await database.ask(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`)
    const own = new URL(database.url)
    ;[own.username, own.password] = [role, 'p']
    const other = await testDatabase(postgresUrl())
    const elsewhere = new URL(own)
    elsewhere.pathname = new URL(other.url).pathname
    await other.ask(`CREATE TABLE t (v integer)`)
    const noLedger = await failure(opened({ table: 't' }, { connectionString: elsewhere.toString() }))
    expect(noLedger).toBeInstanceOf(SinkUnauthorized)
    expect(String(noLedger)).toContain('postgresLedgerDdl()')

    await failure(opened({ table }))
    await database.ask(`GRANT SELECT, INSERT, UPDATE ON tidemark_ledger TO ${role}`)
    const claim = await opened({ table }, { connectionString: own.toString() })
    const denied = await failure(claim.commit([{ v: 1 }]))
    expect(denied).toBeInstanceOf(SinkUnauthorized)
    expect(String(denied)).toContain(`permission denied for table ${table} (SQLSTATE 42501)`)
    await claim.writer.close()
    await other.drop()
    await database.ask(`DROP OWNED BY ${role}`)
    await database.ask(`DROP ROLE ${role}`)
  })

  test('a password, which is never told', async () => {
    const url = new URL(database.url)
    url.password = 'nobody-knows-this'
    const error = await failure(opened({ table: 't' }, { connectionString: url.toString() }))
    expect(error).toBeInstanceOf(SinkUnauthorized)
    expect(String(error)).toContain('password authentication failed')
    expect(JSON.stringify(error) + String(error) + String((error as Error).stack)).not.toContain('nobody-knows')
  })

  test('a database that is not there', async () => {
    const url = new URL(database.url)
    url.pathname = '/nowhere'
    expect(await failure(opened({ table: 't' }, { connectionString: url.toString() }))).toBeInstanceOf(SinkUnauthorized)
  })
})

describe('what passes', () => {
  test('a server that is not there', async () => {
    const error = await failure(opened({ table: 't' }, { connectionString: 'postgres://u:secret@127.0.0.1:1/d' }))
    expect(error).toBeInstanceOf(SinkUnavailable)
    expect(String(error)).toContain('ECONNREFUSED')
    expect(String(error)).not.toContain('secret')
  })

  test('a lock that somebody holds: in vain while it lasts, well after it', async () => {
    const table = await newTable('v integer')
    const steps: string[] = []
    const quick = stepped((statement) => {
      steps.push(statement)
      return Promise.resolve()
    })
    const sink = postgresSinkDefinition<Row>({ table }, quick)
    const claim = await claimed(sink, {
      connection: { ...connection(), statementTimeout: 300 },
      key: uniqueName('ledger'),
    })
    const holder = await heldTable(table)
    const error = await failure(claim.commit([{ v: 1 }]))
    expect(error).toBeInstanceOf(SinkUnavailable)
    await holder.release()
    expect(await database.ask(`SELECT * FROM ${table}`)).toEqual([])
    expect(steps.filter((step) => step.startsWith('BEGIN')).length).toBeGreaterThan(1)
    await claim.writer.close()
  })

  test('a deadlock with another transaction is tried again at once', async () => {
    const table = await newTable('k integer PRIMARY KEY, v integer')
    const key = { key: ['k'] } as const
    let reached: () => void = () => {}
    const waits = new Promise<void>((resolve) => (reached = resolve))
    let inserts = 0
    // The second statement of the first try waits until another has the row that it will want.
    const other = openDatabase(connection())
    const rivalWaits = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    const slow = stepped(async (statement) => {
      if (statement.startsWith('INSERT INTO "t') && ++inserts === 2) {
        reached()
        await waitUntil(async () => (await database.ask(rivalWaits)).length > 0, { for: 'the other to wait', every: 5 })
      }
    })
    const sink = postgresSinkDefinition<Row>({ table, upsert: key }, slow)
    const claim = await claimed(sink, { connection: connection(), key: uniqueName('ledger') })
    const session = await (await other).connect(new AbortController().signal)
    await session.query(`BEGIN; SET LOCAL deadlock_timeout = '5s'; INSERT INTO ${table} VALUES (2, 0)`)
    const commit = claim.commit([
      { k: 1, v: 1 },
      { v: 1, k: 2 },
    ])
    await waits
    const rival = session.query(`INSERT INTO ${table} VALUES (1, 0)`).then(
      () => session.query('ROLLBACK'),
      () => session.query('ROLLBACK'),
    )
    await commit
    await rival
    session.release(false)
    await (await other).close()
    expect(inserts).toBeGreaterThan(2)
    expect(await database.ask(`SELECT * FROM ${table} ORDER BY k`)).toEqual([
      { k: 1, v: 1 },
      { k: 2, v: 1 },
    ])
    await claim.writer.close()
  })
})

/** The table locked by somebody else's transaction. */
async function heldTable(table: string): Promise<{ release: () => Promise<void> }> {
  const held = await openDatabase(connection())
  const session = await held.connect(new AbortController().signal)
  await session.query(`BEGIN; LOCK TABLE ${table}`)
  return {
    async release() {
      await session.query('ROLLBACK')
      session.release(false)
      await held.close()
    },
  }
}
