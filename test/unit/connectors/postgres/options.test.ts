/** Wrong options are told when a pipeline is defined, all at once; a definition connects nothing. */
import { describe, expect, test } from 'vitest'
import { postgresConnectionSchema } from '../../../../src/connectors/postgres/postgres-connection.js'
import { postgresSink, postgresStatementSink } from '../../../../src/connectors/postgres/index.js'
import { sinkDefinitionOf } from '../../../../src/definition/define-sink.js'
import type { Sink } from '../../../../src/definition/sink.js'

const faults = (sink: Sink<never>): string[] =>
  (sinkDefinitionOf(sink)?.faults ?? []).map(({ path, message }) => `${path}: ${message}`)

describe('a sink', () => {
  test('is exactly-once, and says where it writes', () => {
    const sink = postgresSink<{ a: number }>({ table: 'public.t', upsert: { key: ['a'] }, database: 'analytics' })
    expect(sink).toMatchObject({ kind: 'postgres', guarantee: 'exactly-once' })
    expect(sinkDefinitionOf(sink)?.describe).toBe('table public.t of database analytics')
    expect(faults(sink)).toEqual([])
  })

  test.each([
    [{}, ['table: must be the name of a table']],
    [{ table: '' }, ["table: must be 'table' or 'schema.table'"]],
    [{ table: 'a.b.c' }, ["table: must be 'table' or 'schema.table'"]],
    [{ table: 't', upsert: { key: [] } }, ['upsert.key: must name a column']],
    [{ table: 't', upsert: {} }, ['upsert.key: must be a list of columns']],
    [{ table: 't', method: 'load' }, ["method: must be 'insert' or 'copy'"]],
    [
      { table: 't', method: 'copy', upsert: { key: ['a'] } },
      ["method: 'copy' can only add rows: leave it out, or `upsert`"],
    ],
    [{ table: 't', upsertOn: ['a'] }, ['upsertOn: is not an option']],
    [{ table: 't', database: '' }, ['database: must not be empty']],
  ])('of %j is told what is wrong', (options, expected) => {
    expect(faults(postgresSink(options as never))).toEqual(expected)
  })

  test('of statements needs a function', () => {
    expect(faults(postgresStatementSink({} as never))).toEqual(['write: must be a function'])
    expect(faults(postgresStatementSink({ write: () => Promise.resolve() }))).toEqual([])
  })

  test('of statements takes only values that a digest can be made of', () => {
    const definition = sinkDefinitionOf(postgresStatementSink({ write: () => Promise.resolve() }))
    const digest = definition?.mode === 'transactional' ? definition.digest : undefined
    expect(Buffer.from(digest?.({ value: { a: 1 } }) ?? []).toString()).toBe('{"a":1}')
    expect(() => digest?.({ value: undefined })).toThrow(TypeError)
  })
})

describe('a connection', () => {
  const secret = 'hidden-in-here'
  test.each([
    [{ connectionString: `postgres://u:${secret}@host:5432/d` }, null],
    [{ host: 'h', port: 5432, user: 'u', password: secret, database: 'd', ssl: { ca: 'x' }, max: 3 }, null],
    [{ password: () => secret, connectionTimeout: '3s', statementTimeout: 500, ledgerSchema: 'ops' }, null],
    [{}, null],
    [{ connectionString: `mysql://u:${secret}@host/d` }, 'connectionString'],
    [{ connectionString: `postgres://u:${secret}@host:port/d` }, 'connectionString'],
    [{ connectionString: `postgres://u@host/d`, password: secret }, 'connectionString goes without'],
    [{ password: 5 }, 'password'],
    [{ port: 0 }, 'port'],
    [{ ssl: [] }, 'ssl'],
    [{ connectionTimeout: '0s' }, 'connectionTimeout'],
    [{ passwort: secret }, 'passwort'],
  ])('number %# is judged without a word of its secrets', (connection, fault) => {
    const parsed = postgresConnectionSchema.safeParse(connection)
    const told = parsed.success ? '' : JSON.stringify(parsed.error.issues)
    expect(told).not.toContain(secret)
    if (fault === null) expect(told).toBe('')
    else expect(told).toContain(fault)
  })
})
