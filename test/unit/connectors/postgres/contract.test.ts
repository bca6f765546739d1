import { afterAll, beforeAll, describe, test } from 'vitest'
import { postgresSinkDefinition } from '../../../../src/connectors/postgres/postgres-sink.js'
import type { TransactionalSink } from '../../../../src/definition/sink.js'
import { type ContractSubject, sinkContract } from '../../../../src/testing/contract.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { inLanes } from '../lanes.js'
import { stepped } from './claims.js'

interface Sample {
  readonly n: number
  readonly text: string
}

let database: TestDatabase
let tables = 0

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
})
afterAll(async () => {
  await database.drop()
})

/** A table of its own for each try; `place` counts rows as they come, as a reader without keys would see them. */
async function subject<W>(make: (table: string) => TransactionalSink<Sample, W>): Promise<ContractSubject<Sample, W>> {
  const table = `samples_${++tables}`
  await database.ask(`CREATE TABLE ${table} (place bigserial, n integer NOT NULL, text text NOT NULL)`)
  // One and the same object, as a worker's settings are: its owners share a pool.
  const connection = { connectionString: database.url, max: 20 }
  return {
    sink: make(table),
    read: async () =>
      await database.ask<Sample & Record<string, unknown>>(`SELECT n, text FROM ${table} ORDER BY place`),
    context: { ledgerKey: `contract/contract/main/3/${table}`, connection: () => connection },
    close: async () => void (await database.ask(`DROP TABLE ${table}`)),
  }
}

const value = (n: number): Sample => ({ n, text: `value ${n} "ü"\n\t\\N {}` })

// Each has a pool of its own.
const lanes = inLanes(4)

describe.each(['insert', 'copy'] as const)('the Postgres sink keeps the sink contract by %s', (method) => {
  const checks = sinkContract({
    subject: (step) => subject((table) => postgresSinkDefinition<Sample>({ table, method }, stepped(step))),
    value,
  })
  for (const { name, run } of checks) test.concurrent(name, () => lanes(run), 600_000)
})
