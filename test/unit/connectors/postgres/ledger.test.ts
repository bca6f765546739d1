/** The table of receipts: how it comes to be, where it lies, and what of it isn't believed. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { postgresLedgerDdl } from '../../../../src/connectors/postgres/ledger.js'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'
import { postgresSinkDefinition } from '../../../../src/connectors/postgres/postgres-sink.js'
import type { PostgresConnection } from '../../../../src/connectors/postgres/postgres-connection.js'
import { ForeignReceipt, ReceiptLost, SinkUnavailable } from '../../../../src/errors/sink.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { type Claimed, claimed } from './claims.js'

let database: TestDatabase

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
  await database.ask('CREATE TABLE t (v integer)')
})
afterAll(async () => {
  await database.drop()
})
beforeEach(async () => {
  await database.ask('DROP TABLE IF EXISTS tidemark_ledger')
})

interface Row {
  readonly v: number
}

const KEY = 'ns/test/main/0/out'
const sink = () => postgresSinkDefinition<Row>({ table: 't' }, openDatabase)
const connection = (): PostgresConnection => ({ connectionString: database.url })
const opened = (claim: number, via = connection(), key = KEY): Promise<Claimed<Row>> =>
  claimed(sink(), { connection: via, claim, key })
const inspect = (via = connection()) =>
  sink().inspect({
    pipeline: 'test',
    stage: 'main',
    partition: 0,
    ledgerKey: KEY,
    sinks: ['out'],
    signal: new AbortController().signal,
    connection: () => via,
  })

describe('the table', () => {
  test('is made by the first opening, and not by inspecting', async () => {
    expect(await inspect()).toBeNull()
    expect(await database.ask(`SELECT to_regclass('tidemark_ledger') AS there`)).toEqual([{ there: null }])
    const claim = await opened(1)
    const committed = await claim.commit([{ v: 1 }])
    await claim.writer.close()
    expect(await inspect()).toEqual(committed)
    expect(
      await database.ask('SELECT ledger_key, seq, generation, claim, run_id, receipt FROM tidemark_ledger'),
    ).toEqual([{ ledger_key: KEY, seq: '2', generation: '1', claim: '1', run_id: 'run', receipt: committed }])
  })

  test('is made once by many that open at the same time', async () => {
    for (let round = 0; round < 10; round++) {
      await database.ask('DROP TABLE IF EXISTS tidemark_ledger')
      const via = connection()
      const claims = await Promise.all(Array.from({ length: 8 }, (_, n) => opened(1, via, `ledger-${n}`)))
      for (const claim of claims) await claim.writer.close()
      expect(await database.ask('SELECT count(*)::int AS n FROM tidemark_ledger')).toEqual([{ n: 8 }])
    }
  })

  test('can be made beforehand by the printed statement, which may be run again', async () => {
    await database.ask(postgresLedgerDdl())
    await database.ask(postgresLedgerDdl())
    const claim = await opened(1)
    await claim.commit([{ v: 1 }])
    await claim.writer.close()
  })

  test('lies in the schema that the connection names', async () => {
    await database.ask('CREATE SCHEMA IF NOT EXISTS "My ops"')
    const via = { ...connection(), ledgerSchema: 'My ops' }
    const claim = await opened(1, via)
    const committed = await claim.commit([{ v: 1 }])
    await claim.writer.close()
    expect(await inspect(via)).toEqual(committed)
    expect(await database.ask('SELECT seq FROM "My ops".tidemark_ledger')).toEqual([{ seq: '2' }])
    expect(await database.ask(`SELECT to_regclass('public.tidemark_ledger') AS there`)).toEqual([{ there: null }])
    expect(postgresLedgerDdl({ schema: 'My ops' })).toContain('"My ops".tidemark_ledger')
  })
})

describe('a receipt', () => {
  test.each([
    ['no receipt', `receipt = '{"version":2}'`],
    ['of another commit', `seq = 99`],
  ])('that is %s is not taken for one', async (_, change) => {
    const claim = await opened(1)
    await claim.writer.close()
    await database.ask(`UPDATE tidemark_ledger SET ${change}`)
    await expect(opened(2)).rejects.toThrow(ForeignReceipt)
    await expect(inspect()).rejects.toThrow(ForeignReceipt)
  })

  test('that goes away under a writer stops its commits', async () => {
    const claim = await opened(1)
    await claim.commit([{ v: 10 }])
    await database.ask('DELETE FROM tidemark_ledger')
    const error: unknown = await claim.commit([{ v: 11 }]).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SinkUnavailable)
    expect(String(error)).toContain('was taken away')
    expect(await database.ask('SELECT v FROM t WHERE v = 11')).toEqual([])
    await claim.writer.close()
  })

  test('of an older state of the database lets no owner of the newer state commit', async () => {
    const zombie = await opened(1)
    await zombie.commit([{ v: 20 }])
    const [backup] = await database.ask('SELECT * FROM tidemark_ledger')
    await zombie.commit([{ v: 21 }])
    await zombie.commit([{ v: 22 }])
    // Restored, taken over, and committed up to the very seq at which the zombie stands.
    await database.ask('UPDATE tidemark_ledger SET seq = $1, receipt = $2', [backup?.['seq'], backup?.['receipt']])
    const successor = await opened(2)
    await successor.commit([{ v: 23 }])
    await expect(zombie.commit([{ v: 24 }])).rejects.toThrow('lost the ledger')
    expect(await database.ask('SELECT v FROM t WHERE v = 24')).toEqual([])
    await zombie.writer.close()
    await successor.writer.close()
  })

  test('that had to be there and is not is missed', async () => {
    const key = 'ns/test/main/0/lost'
    const place = { pipeline: 'test', stage: 'main', partition: 0, ledgerKey: key, sinks: ['out'] }
    const owner = { generation: 1, incarnation: 1, claim: 1, runId: 'run' }
    const open = sink().open({
      ...place,
      owner,
      signal: new AbortController().signal,
      connection,
      fence: () => ({ ...LATER, owner }),
      reject: (id) => {
        throw new Error(id)
      },
    })
    await expect(open).rejects.toThrow(ReceiptLost)
    expect(await database.ask(`SELECT to_regclass('public.tidemark_ledger') AS there`)).toEqual([{ there: null }])
  })
})

const LATER = {
  version: 1,
  seq: 8,
  epoch: 3,
  time: 1,
  positions: { numbers: '5' },
  digest: '',
  timersEpoch: null,
  fingerprint: '',
  rejections: [],
} as const
