import { setTimeout as sleep } from 'node:timers/promises'
import { access } from 'node:fs/promises'
import { Client } from 'pg'
import { afterEach, expect, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../../../src/dev/postgres-server.js'
import { StackUnavailable } from '../../../src/errors/stack.js'
import { isAlive } from '../../setup/process-alive.js'

let server: PostgresServer | undefined

afterEach(async () => {
  await server?.stop()
})

async function ask<R>(text: string): Promise<R[]> {
  const client = new Client({ connectionString: server?.url })
  await client.connect()
  try {
    return (await client.query<Record<string, R>>(text)).rows.flatMap((row) => Object.values(row))
  } finally {
    await client.end()
  }
}

it('serves, comes back after a kill with its data, and leaves nothing behind', async () => {
  server = await startPostgres()
  await ask('CREATE TABLE kept AS SELECT 42 AS n')
  const [directory = ''] = await ask<string>('SHOW data_directory')
  await server.kill()
  expect(server.pid()).toBeNull()
  await server.restart()
  expect(await ask('SELECT n FROM kept')).toEqual([42])
  const pid = server.pid() ?? 0
  expect(isAlive(pid)).toBe(true)
  await server.stop()
  expect(isAlive(pid)).toBe(false)
  await expect(access(directory)).rejects.toThrow('ENOENT')
}, 240_000)

it('comes back although somebody whom it served outlives it for a while', async () => {
  server = await startPostgres()
  const client = new Client({ connectionString: server.url })
  client.on('error', () => undefined)
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const pid = rows[0]?.pid
  if (pid === undefined) throw new Error('a connection without a process')
  process.kill(pid, 'SIGSTOP')
  await server.kill()
  const back = server.restart()
  await sleep(1_500)
  process.kill(pid, 'SIGCONT')
  await back
  expect(await ask('SELECT 1')).toEqual([1])
  await server.stop()
}, 240_000)

it('says what was tried where a given server does not answer, without the password', async () => {
  const url = 'postgres://someone:keeps-this@127.0.0.1:1/nowhere'
  const refused = await startPostgres({ url }).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(StackUnavailable)
  expect(String(refused)).toContain('no Postgres server could be had')
  expect(String(refused)).not.toContain('keeps-this')
}, 120_000)
