/** Connections: few, shared, given back, and closed when nobody needs them. */
import { execFile } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'
import { postgresSinkDefinition } from '../../../../src/connectors/postgres/postgres-sink.js'
import type { PostgresConnection } from '../../../../src/connectors/postgres/postgres-connection.js'
import { postgresBinaries } from '../../../../src/dev/postgres-binary.js'
import { startPostgres } from '../../../../src/dev/postgres-server.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { waitUntil } from '../../../setup/wait-until.js'
import { claimed } from './claims.js'

let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
  await database.ask('CREATE TABLE t (v integer)')
})
afterAll(async () => {
  await database.drop()
})

interface Row {
  readonly v: number
}

const sink = () => postgresSinkDefinition<Row>({ table: 't' }, openDatabase)
const connections = async (): Promise<number> => {
  const [row] = await database.ask<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tidemark'`,
  )
  return row?.n ?? -1
}

test('tasks of a worker share its connections, and the last one to leave closes them', async () => {
  const connection = { connectionString: database.url, max: 2 }
  const claims = await Promise.all(
    Array.from({ length: 12 }, (_, n) => claimed(sink(), { connection, key: `task-${n}` })),
  )
  for (let round = 0; round < 5; round++) await Promise.all(claims.map((claim) => claim.commit([{ v: round }])))
  expect(await connections()).toBe(2)
  expect(await database.ask('SELECT count(*)::int AS n FROM t')).toEqual([{ n: 60 }])
  const [last, ...others] = claims
  for (const claim of others) await claim.writer.close()
  await last?.commit([{ v: 5 }])
  await last?.writer.close()
  await waitUntil(async () => (await connections()) === 0, { for: 'all connections to be closed' })
})

test('a password can be asked for at each new connection', async () => {
  const { hostname, port, pathname, username, password } = new URL(database.url)
  let asked = 0
  const connection: PostgresConnection = {
    host: hostname,
    port: Number(port),
    database: pathname.slice(1),
    user: username,
    password: () => Promise.resolve(++asked > 0 ? password : ''),
  }
  const claim = await claimed(sink(), { connection, key: 'asked' })
  await claim.writer.close()
  expect(asked).toBeGreaterThan(0)
})

test('commits are durable where the database is told to be quick', async () => {
  const { hostname } = new URL(database.url)
  expect(hostname).not.toBe('')
  await database.ask(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`,
  )
  await database.ask(`CREATE TABLE noted (how text)`)
  await database.ask(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO noted VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`)
  await database.ask(`CREATE TRIGGER note AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note()`)
  const claim = await claimed(sink(), { connection: { connectionString: database.url }, key: 'durable' })
  await claim.commit([{ v: 1 }])
  await claim.writer.close()
  expect(await database.ask('SELECT how FROM noted')).toEqual([{ how: 'on' }])
})

test('TLS is spoken, and a certificate that nobody vouches for is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-tls-'))
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    certificate,
    ...subject,
  ])
  const { user } = await postgresBinaries()
  if (user !== undefined) {
    await chown(directory, user.uid, user.gid)
    await chown(key, user.uid, user.gid)
  }
  expect((await stat(key)).mode & 0o077).toBe(0)
  const server = await startPostgres({ settings: { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key } })
  const own = await testDatabase(server.url)
  try {
    await own.ask('CREATE TABLE t (v integer)')
    await own.ask(`CREATE TABLE noted AS SELECT false AS ssl`)
    await own.ask(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN UPDATE noted SET ssl = (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()); RETURN NULL; END $$`)
    await own.ask(`CREATE TRIGGER note AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note()`)
    const ca = await readFile(certificate, 'utf8')
    const claim = await claimed(sink(), { connection: { connectionString: own.url, ssl: { ca } } })
    await claim.commit([{ v: 1 }])
    await claim.writer.close()
    expect(await own.ask('SELECT ssl FROM noted')).toEqual([{ ssl: true }])
    const untrusting = claimed(sink(), { connection: { connectionString: own.url, ssl: true }, claim: 2 })
    await expect(untrusting).rejects.toMatchObject({ code: 'SinkUnauthorized' })
    const unencrypted = claimed(sink(), { connection: { connectionString: database.url, ssl: true }, claim: 2 })
    await expect(unencrypted).rejects.toThrow('does not support SSL')
  } finally {
    await own.drop()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
})
