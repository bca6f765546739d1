/** What of a value arrives in a column of which type, by both ways of writing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresSinkOptions, postgresSinkDefinition } from '../../../../src/connectors/postgres/postgres-sink.js'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { claimed } from './claims.js'

let database: TestDatabase
let tables = 0

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
  await database.ask(`CREATE TYPE mood AS ENUM ('sad', 'happy')`)
  await database.ask(`CREATE DOMAIN short AS varchar(3)`)
  await database.ask(`CREATE DOMAIN shortest AS short CHECK (length(VALUE) < 3)`)
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

/** Commits the rows, all at once. */
async function write(options: PostgresSinkOptions<Row>, rows: readonly Row[]): Promise<void> {
  const sink = postgresSinkDefinition<Row>(options, openDatabase)
  const claim = await claimed(sink, { connection: { connectionString: database.url }, key: uniqueName('ledger') })
  try {
    await claim.commit(rows)
  } finally {
    await claim.writer.close()
  }
}

const texts = async (table: string, columns: string): Promise<unknown[]> =>
  (await database.ask<{ row: unknown }>(`SELECT ARRAY[${columns}]::text[] AS row FROM ${table}`)).map(({ row }) => row)

describe.each(['insert', 'copy'] as const)('by %s', (method) => {
  test.each([
    ['text', 'it\'s "quoted" \\ \\N \t\r\n{ü,𝄞} NULL', 'it\'s "quoted" \\ \\N \t\r\n{ü,𝄞} NULL'],
    ['text', '', ''],
    ['integer', -42, '-42'],
    ['bigint', 9_007_199_254_740_993n, '9007199254740993'],
    ['double precision', 1e-7, '1e-07'],
    ['double precision', NaN, 'NaN'],
    ['numeric(30,10)', '12345678901234567890.0123456789', '12345678901234567890.0123456789'],
    ['numeric', { toJSON: () => '0.1' }, '0.1'],
    ['boolean', true, 'true'],
    ['timestamptz', new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), '2026-01-02 03:04:05.678+00'],
    ['timestamp', new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), '2026-01-02 03:04:05.678'],
    ['date', new Date(Date.UTC(2026, 0, 2, 23)), '2026-01-02'],
    ['bytea', new Uint8Array([0, 1, 92, 255]), '\\x00015cff'],
    ['bytea', Buffer.from('abcdef').subarray(2, 4), '\\x6364'],
    ['uuid', '018f0e4c-7b1a-7000-8000-000000000000', '018f0e4c-7b1a-7000-8000-000000000000'],
    ['mood', 'happy', 'happy'],
    ['mood[]', ['happy', 'sad'], '{happy,sad}'],
    ['short', 'abc', 'abc'],
    ['char(4)', 'ab', 'ab'],
    ['jsonb', { a: [1, { b: 'ü"\\' }], n: null }, '{"a": [1, {"b": "ü\\"\\\\"}], "n": null}'],
    ['jsonb', [1, 'two', { three: 3 }], '[1, "two", {"three": 3}]'],
    ['jsonb', '{"taken": "as it is"}', '{"taken": "as it is"}'],
    ['json', [], '[]'],
    ['integer[]', [1, null, -3], '{1,NULL,-3}'],
    ['integer[]', [], '{}'],
    [
      'integer[]',
      [
        [1, 2],
        [3, 4],
      ],
      '{{1,2},{3,4}}',
    ],
    ['text[]', ['', 'NULL', 'a,b', '"q"', '\\', '{}'], '{"","NULL","a,b","\\"q\\"","\\\\","{}"}'],
    ['jsonb[]', [{ a: 1 }, { b: [2] }], '{"{\\"a\\": 1}","{\\"b\\": [2]}"}'],
    ['timestamptz[]', [new Date(0)], '{"1970-01-01 00:00:00+00"}'],
    ['integer', null, null],
    ['int4range', '[1,5)', '[1,5)'],
  ])('%s takes value %#', async (type, value, expected) => {
    const table = await newTable(`n integer, v ${type}`)
    // Two rows: what is told apart must not run together.
    await write({ table, method }, [
      { n: 1, v: value },
      { n: 2, v: value },
    ])
    expect(await texts(table, `n::text, v::text`)).toEqual([
      ['1', expected],
      ['2', expected],
    ])
  })

  test('columns that a row leaves out get their defaults, row by row and in order', async () => {
    const table = await newTable(
      `place serial, a integer DEFAULT 7, "B b" text DEFAULT 'none', made timestamptz DEFAULT now()`,
    )
    await write({ table, method }, [
      { a: 1, 'B b': 'one' },
      { a: 2, 'B b': undefined },
      { 'B b': 'three' },
      { a: null, 'B b': null },
    ])
    expect(await texts(table, `place::text, a::text, "B b", (made IS NOT NULL)::text`)).toEqual([
      ['1', '1', 'one', 'true'],
      ['2', '2', 'none', 'true'],
      ['3', '7', 'three', 'true'],
      ['4', null, null, 'true'],
    ])
  })

  test('a text too long for its column is refused, and not cut', async () => {
    for (const type of ['varchar(3)', 'char(3)', 'short', 'shortest']) {
      const table = await newTable(`v ${type}`)
      await expect(write({ table, method }, [{ v: 'ab' }, { v: 'abcd' }])).rejects.toThrow(
        /^item-1: .*\(SQLSTATE 22001\)$/,
      )
      expect(await database.ask(`SELECT * FROM ${table}`)).toEqual([])
    }
  })

  test('a table in a schema, with names that need quotes', async () => {
    await database.ask(`CREATE SCHEMA IF NOT EXISTS "Other one"`)
    await database.ask(`CREATE TABLE "Other one"."Ta""ble${method}" ("or""der" integer, "SELECT" text)`)
    await write({ table: `Other one.Ta"ble${method}`, method }, [{ 'or"der': 1, SELECT: 'x' }])
    expect(await database.ask(`SELECT * FROM "Other one"."Ta""ble${method}"`)).toEqual([{ 'or"der': 1, SELECT: 'x' }])
  })
})

describe('upsert', () => {
  const upsert = { key: ['a', 'b'] } as const

  test('takes columns of any name, those of its own statement included', async () => {
    const table = await newTable('n integer PRIMARY KEY, c1 text, n_ integer')
    await write({ table, upsert: { key: ['n'] } }, [
      { n: 1, c1: 'first', n_: 1 },
      { n: 1, c1: 'last', n_: 2 },
    ])
    expect(await texts(table, 'n::text, c1, n_::text')).toEqual([['1', 'last', '2']])
  })

  test('replaces what is there, and of several in one commit the last counts', async () => {
    const table = await newTable("a integer, b text, v integer, kept text DEFAULT 'kept', PRIMARY KEY (a, b)")
    await database.ask(`INSERT INTO ${table} VALUES (1, 'x', 0, 'mine'), (9, 'z', 0, 'kept')`)
    await write({ table, upsert }, [
      { a: 2, b: 'y', v: 1 },
      { a: 1, b: 'x', v: 2 },
      { a: 2, b: 'y', v: 3 },
      { a: 1, b: 'y', v: 4 },
      { a: 2, b: 'y', v: 5 },
    ])
    expect(await database.ask(`SELECT * FROM ${table} ORDER BY a, b`)).toEqual([
      { a: 1, b: 'x', v: 2, kept: 'mine' },
      { a: 1, b: 'y', v: 4, kept: 'kept' },
      { a: 2, b: 'y', v: 5, kept: 'kept' },
      { a: 9, b: 'z', v: 0, kept: 'kept' },
    ])
  })

  test('keeps the order of rows with other columns in between', async () => {
    const table = await newTable('a integer, b text, v integer, w integer, PRIMARY KEY (a, b)')
    await write({ table, upsert }, [
      { a: 1, b: 'x', v: 1, w: 1 },
      { a: 1, b: 'x', w: 2 },
      { a: 1, b: 'x', v: 3 },
    ])
    expect(await database.ask(`SELECT * FROM ${table}`)).toEqual([{ a: 1, b: 'x', v: 3, w: 2 }])
  })

  test('knows equal keys by their type, however they are spelled', async () => {
    const table = await newTable('a numeric, b timestamptz, v integer, PRIMARY KEY (a, b)')
    await write({ table, upsert }, [
      { a: '1.0', b: '2026-01-01T00:00:00Z', v: 1 },
      { a: 1, b: new Date(Date.UTC(2026, 0, 1)), v: 2 },
      { a: '1.00', b: '2026-01-01T01:00:00+01:00', v: 3 },
    ])
    expect(await database.ask(`SELECT v FROM ${table}`)).toEqual([{ v: 3 }])
  })

  test('takes rows of nothing but keys, and nulls in keys for different ones', async () => {
    const table = await newTable('a integer, b text, UNIQUE (a, b)')
    await write({ table, upsert }, [
      { a: 1, b: 'x' },
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 2, b: null },
    ])
    expect(await database.ask(`SELECT * FROM ${table} ORDER BY a`)).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 2, b: null },
    ])
  })

  test('of a row without its key is a bad record', () => {
    const { encode } = postgresSinkDefinition<Row>({ table: 't', upsert }, openDatabase)
    const output = { key: null, timestamp: 0, headers: {} as never, origin: {} as never, id: '' }
    expect(() => encode({ ...output, value: { a: 1, v: 2 } })).toThrow('the row has no b, which is part of the key')
    expect(() => encode({ ...output, value: [1] as never })).toThrow('a row has to be an object')
    expect(() => encode({ ...output, value: { a: 1, b: 's', f: () => 1 } })).toThrow(
      'no column takes a value of type function',
    )
    expect(() => encode({ ...output, value: { a: 1, b: 's', d: new Date(NaN) } })).toThrow(RangeError)
  })
})
