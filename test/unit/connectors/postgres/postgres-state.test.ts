import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresState, postgresStateDdl } from '../../../../src/connectors/postgres/postgres-state.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { segmentStoreTests } from '../segment-stores.js'

let database: TestDatabase
let settings: { readonly connectionString: string; readonly max: number }
const connection = () => settings
const task = { namespace: 'n', pipeline: 'p', stage: 's', partition: 0, connection }

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
  settings = { connectionString: database.url, max: 10 }
})
afterAll(async () => {
  await database.drop()
})

describe('state in Postgres, on a real server', () => {
  segmentStoreTests(() => ({ backend: postgresState(), connection }))
})

test('workers that come first at the same time make one table', async () => {
  await database.ask('CREATE SCHEMA "My state"')
  const backend = postgresState({ table: 'My state.segments' })
  const open = () => backend.open({ ...task, signal: new AbortController().signal })
  const stores = await Promise.all(Array.from({ length: 8 }, open))
  await stores[0]?.put('a'.repeat(64), Buffer.from('a'))
  expect(Buffer.from((await stores[7]?.get('a'.repeat(64))) ?? []).toString()).toBe('a')
  await Promise.all(stores.map((store) => store.close()))
})

test('the statement that makes the table is there for databases where workers may not', async () => {
  await database.ask(postgresStateDdl({ table: 'public.by_hand' }))
  const store = await postgresState({ table: 'by_hand' }).open({ ...task, signal: new AbortController().signal })
  await store.put('a'.repeat(64), Buffer.from('a'))
  expect(await database.ask('SELECT stage, key FROM by_hand')).toEqual([{ stage: 's', key: 'a'.repeat(64) }])
  await store.close()
})

test('what is under way ends with its session', async () => {
  const abort = new AbortController()
  const store = await postgresState().open({ ...task, signal: abort.signal })
  abort.abort()
  await expect(store.put('a'.repeat(64), Buffer.from('a'))).rejects.toThrow()
  await store.close()
})

test('its options', () => {
  expect(postgresState({ database: 'other', table: 'x.y' })).toMatchObject({
    describe: 'table x.y of database other',
    faults: [],
  })
  expect(postgresState({ table: 'a.b.c' }).faults).toHaveLength(1)
})
