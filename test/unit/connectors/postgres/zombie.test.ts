/** Owners that stand still in the midst of their transaction: they hold nobody up for long, and commit nothing. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../../../src/connectors/postgres/pool.js'
import { postgresSinkDefinition } from '../../../../src/connectors/postgres/postgres-sink.js'
import { type TestDatabase, testDatabase } from '../../../setup/postgres-database.js'
import { postgresUrl } from '../../../setup/shared-servers.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { waitUntil } from '../../../setup/wait-until.js'
import { claimed, stepped } from './claims.js'

let database: TestDatabase
let table: string
let key: string
let tables = 0

beforeAll(async () => {
  database = await testDatabase(postgresUrl())
})
afterAll(async () => {
  await database.drop()
})
beforeEach(async () => {
  table = `t${++tables}`
  key = uniqueName('ledger')
  await database.ask(`CREATE TABLE ${table} (k integer PRIMARY KEY, v text)`)
})

interface Row {
  readonly k: number
  readonly v: string
}

const options = () => ({ table, upsert: { key: ['k'] } }) as const
const connection = () => ({ connectionString: database.url })
const failure = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(() => null).catch((error: unknown) => error)

/** An owner that stops right before the statement of its commit that begins with `word`, until released. */
async function stopping(word: string) {
  let release: () => void = () => {}
  let stop: () => void = () => {}
  let armed = false
  const released = new Promise<void>((resolve) => (release = resolve))
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  const open = stepped(async (statement) => {
    if (!armed || !statement.startsWith(word)) return
    armed = false
    stop()
    await released
  })
  const owner = await claimed(postgresSinkDefinition<Row>(options(), open), { connection: connection(), key, claim: 1 })
  armed = true
  return { ...owner, stopped, release }
}

const inTransaction = (): Promise<unknown[]> =>
  database.ask(
    `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
  )

test.each(['UPDATE', 'COMMIT'])(
  'an owner that stops before %s is ended by its successor, which has its rows at once',
  async (word) => {
    const zombie = await stopping(word)
    const late = failure(zombie.commit([{ k: 1, v: 'zombie' }]))
    await zombie.stopped
    expect(await inTransaction()).toHaveLength(1)
    const began = Date.now()
    const successor = await claimed(postgresSinkDefinition<Row>(options(), openDatabase), {
      connection: connection(),
      key,
      claim: 2,
    })
    await waitUntil(async () => (await inTransaction()).length === 0, { for: "the zombie's transaction to be gone" })
    await successor.commit([{ k: 1, v: 'successor' }])
    // Else it would have waited for its rows until a time-out of ten seconds or more.
    expect(Date.now() - began).toBeLessThan(8_000)
    zombie.release()
    expect(await late).toMatchObject({ code: 'GenerationFenced', details: { ledgerOwner: successor.owner } })
    expect(await database.ask(`SELECT * FROM ${table}`)).toEqual([{ k: 1, v: 'successor' }])
    await zombie.writer.close()
    await successor.writer.close()
  },
)

test('a successor without the right to end others opens all the same, and the zombie commits nothing', async () => {
  const role = uniqueName('role').replaceAll('-', '_')
  const zombie = await stopping('UPDATE')
  await database.ask(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`)
  await database.ask(`GRANT ALL ON ${table}, tidemark_ledger TO ${role}`)
  const late = failure(zombie.commit([{ k: 1, v: 'zombie' }]))
  await zombie.stopped
  const url = Object.assign(new URL(database.url), { username: role, password: 'p' })
  const successor = await claimed(postgresSinkDefinition<Row>(options(), openDatabase), {
    connection: { connectionString: url.toString() },
    key,
    claim: 2,
  })
  expect(await inTransaction()).toHaveLength(1)
  await successor.commit([{ k: 2, v: 'successor' }])
  zombie.release()
  expect(await late).toMatchObject({ code: 'GenerationFenced', details: { ledgerOwner: successor.owner } })
  expect(await database.ask(`SELECT * FROM ${table}`)).toEqual([{ k: 2, v: 'successor' }])
  await zombie.writer.close()
  await successor.writer.close()
  await database.ask(`DROP OWNED BY ${role}`)
  await database.ask(`DROP ROLE ${role}`)
})

test('transactions of other ledgers go on', async () => {
  const other = await stopping('COMMIT')
  const commit = other.commit([{ k: 1, v: 'other' }])
  await other.stopped
  const successor = await claimed(postgresSinkDefinition<Row>(options(), openDatabase), {
    connection: connection(),
    key: uniqueName('ledger'),
    claim: 2,
  })
  other.release()
  await commit
  expect(await database.ask(`SELECT * FROM ${table}`)).toEqual([{ k: 1, v: 'other' }])
  await other.writer.close()
  await successor.writer.close()
})

/** Somebody who stops where `at` says, until `goOn`. */
function holdUp() {
  let goOn: () => void = () => {}
  let arrive: () => void = () => {}
  const released = new Promise<void>((resolve) => (goOn = resolve))
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  const here = (): Promise<void> => {
    arrive()
    return released
  }
  return { here, arrived, goOn }
}

test('a stale opening that has waited for a newer one does not end what that does next', async () => {
  const first = await claimed(postgresSinkDefinition<Row>(options(), openDatabase), { connection: connection(), key })
  const [opening, committing, waited] = [holdUp(), holdUp(), holdUp()]
  const ends = [opening, committing]
  const openNewest = stepped(async (statement) => {
    if (statement === 'COMMIT') await ends.shift()?.here()
  })
  const openStale = stepped(async (statement) => {
    if (statement === 'ROLLBACK') await waited.here()
  })
  const sink = (open: typeof openDatabase) => postgresSinkDefinition<Row>(options(), open)
  const newest = claimed(sink(openNewest), { connection: connection(), key, claim: 3 })
  await opening.arrived
  const stale = failure(claimed(sink(openStale), { connection: connection(), key, claim: 2 }))
  await waited.arrived
  opening.goOn()
  const owner = await newest
  const commit = failure(owner.commit([{ k: 1, v: 'newest' }]))
  await committing.arrived
  waited.goOn()
  expect(await stale).toMatchObject({ code: 'GenerationFenced', details: { ledgerOwner: owner.owner } })
  committing.goOn()
  expect(await commit).toBeNull()
  expect(await database.ask(`SELECT * FROM ${table}`)).toEqual([{ k: 1, v: 'newest' }])
  await owner.writer.close()
  await first.writer.close()
})
