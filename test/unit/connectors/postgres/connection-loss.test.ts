/** Connections that are lost around a commit: rows and receipt are there both or neither, and nothing is lost or doubled. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'
import { postgresSinkDefinition } from '../../../../src/connectors/postgres/postgres-sink.js'
import type { PostgresConnection } from '../../../../src/connectors/postgres/postgres-connection.js'
import { startPostgres } from '../../../../src/dev/postgres-server.js'
import { SinkUnavailable } from '../../../../src/errors/sink.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { type CutAt, type TcpProxy, tcpProxy } from '../../../setup/tcp-proxy.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { type Claimed, claimed } from './claims.js'

let database: TestDatabase
let proxy: TcpProxy
let table: string
let key: string
let claims: number
let tables = 0

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
})
afterAll(async () => {
  await database.drop()
})
beforeEach(async () => {
  const { hostname, port } = new URL(database.url)
  proxy = await tcpProxy({ host: hostname, port: Number(port) })
  table = `t${++tables}`
  key = uniqueName('ledger')
  claims = 0
  await database.ask(`CREATE TABLE ${table} (place serial, n integer)`)
})
afterEach(async () => {
  await proxy.close()
})

interface Row {
  readonly n: number
}

/** The next claim, through the proxy. */
function claim(more: Partial<PostgresConnection> = {}): Promise<Claimed<Row>> {
  const url = Object.assign(new URL(database.url), { port: String(proxy.port) })
  const connection = { connectionString: url.toString(), ...more }
  return claimed(postgresSinkDefinition<Row>({ table }, openDatabase), { connection, key, claim: ++claims })
}

const rows = (from: number, to: number): Row[] => Array.from({ length: to - from }, (_, i) => ({ n: from + i }))
const there = async (): Promise<number[]> =>
  (await database.ask<Row & Record<string, unknown>>(`SELECT n FROM ${table} ORDER BY place`)).map(({ n }) => n)
const failure = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(() => null).catch((error: unknown) => error)
const commits = (sent: Buffer): boolean => sent.includes('COMMIT\0')

describe('a connection that is cut', () => {
  test('before the server has COMMIT: nothing is there, and the next claim finds what was before', async () => {
    const first = await claim()
    const before = await first.commit(rows(0, 3))
    proxy.cut('before', commits)
    expect(await failure(first.commit(rows(3, 5)))).toBeInstanceOf(SinkUnavailable)
    await first.writer.close()
    expect(proxy.cuts).toBe(1)
    const second = await claim()
    expect(second.writer.receipt).toEqual(before)
    expect(await there()).toEqual([0, 1, 2])
    await second.commit(rows(3, 5))
    expect(await there()).toEqual([0, 1, 2, 3, 4])
    await second.writer.close()
  })

  test('after the server has committed: the commit is rejected, and the next claim finds it', async () => {
    const first = await claim()
    await first.commit(rows(0, 3))
    proxy.cut('answer', commits)
    expect(await failure(first.commit(rows(3, 5)))).toBeInstanceOf(SinkUnavailable)
    await first.writer.close()
    expect(proxy.cuts).toBe(1)
    const second = await claim()
    expect(second.writer.receipt).toMatchObject({ seq: 3, positions: { numbers: '5' } })
    expect(await there()).toEqual([0, 1, 2, 3, 4])
    await second.writer.close()
  })

  test('while nobody uses it: the next commit takes another', async () => {
    const first = await claim()
    await first.commit(rows(0, 1))
    proxy.cutAll()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await first.commit(rows(1, 2))
    expect(await there()).toEqual([0, 1])
    await first.writer.close()
  })

  test('anywhere, again and again: no row is lost or comes twice', async () => {
    const wanted = 120
    const outcomes = { cutAndThere: 0, cutAndNot: 0 }
    let position = 0
    let n = 0
    while (position < wanted) {
      const owner = await claim().catch(() => null)
      if (owner === null) continue
      const found = Number(owner.writer.receipt?.positions['numbers'] ?? 0)
      expect(found).toBeGreaterThanOrEqual(position)
      if (found > position) outcomes.cutAndThere++
      position = found
      // The claim counts rows from where it found the ledger.
      const at = (['before', 'after', 'answer'] as const)[n % 3] satisfies CutAt | undefined
      let messages = n++ % 13
      proxy.cut(at ?? 'before', () => messages-- === 0)
      for (;;) {
        const to = position + 1 + (position % 4)
        const failed = await failure(owner.commitAt(position, rows(position, to)))
        if (failed !== null) {
          expect(failed).toBeInstanceOf(SinkUnavailable)
          outcomes.cutAndNot++
          break
        }
        position = to
      }
      await owner.writer.close()
    }
    const last = await claim()
    expect(await there()).toEqual(rows(0, Number(last.writer.receipt?.positions['numbers'])).map((row) => row.n))
    expect(outcomes.cutAndThere).toBeGreaterThan(2)
    expect(outcomes.cutAndNot - outcomes.cutAndThere).toBeGreaterThan(2)
    await last.writer.close()
  })
})

describe('a network that swallows everything', () => {
  test('is given up when the time for a statement is over', async () => {
    const first = await claim({ statementTimeout: 100, connectionTimeout: 500 })
    proxy.hold(true)
    const began = Date.now()
    expect(await failure(first.commit(rows(0, 3)))).toBeInstanceOf(SinkUnavailable)
    expect(Date.now() - began).toBeLessThan(20_000)
    proxy.hold(false)
    await first.writer.close()
    expect(await there()).toEqual([])
  })

  test('does not keep a session that is shut', async () => {
    const first = await claim()
    await first.commit(rows(0, 1))
    proxy.hold(true)
    const commit = failure(first.commit(rows(1, 2)))
    first.abandon.abort()
    expect(await commit).not.toBeNull()
    await first.writer.close()
    proxy.hold(false)
    expect(await there()).toEqual([0])
  })
})

test('a server that is killed and comes back has what was committed', async () => {
  const server = await startPostgres({ settings: { fsync: 'on' } })
  const own = await testDatabase(server.url)
  try {
    await own.ask('CREATE TABLE t (place serial, n integer)')
    const sink = postgresSinkDefinition<Row>({ table: 't' }, openDatabase)
    const connection = { connectionString: own.url }
    const first = await claimed(sink, { connection, claim: 1 })
    const before = await first.commit(rows(0, 3))
    await server.kill()
    expect(await failure(first.commit(rows(3, 5)))).toBeInstanceOf(SinkUnavailable)
    await first.writer.close()
    await server.restart()
    const second = await claimed(sink, { connection, claim: 2 })
    expect(second.writer.receipt).toEqual(before)
    await second.commit(rows(3, 5))
    await second.writer.close()
    expect((await own.ask<{ n: number }>('SELECT n FROM t ORDER BY place')).map(({ n }) => n)).toEqual([0, 1, 2, 3, 4])
  } finally {
    await own.drop()
    await server.stop()
  }
})
