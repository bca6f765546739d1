import { afterEach, expect, it } from 'vitest'

import { type PostgresServer, startPostgres } from '../../src/dev/postgres-server.js'
import { PostgresScene } from '../setup/scene/postgres-scene.js'
import { NOTHING_WRONG } from '../setup/scene/scene.js'
import { tellTimes } from '../setup/scene/tell.js'
import { leakedWorkers } from '../setup/scene/worker-process.js'
import { brokers, postgresUrl, temporalAddress } from '../setup/shared-servers.js'

/**
 * The promise: from Kafka into tables of Postgres each output is a row exactly once and in order, and upserts leave the last
 * value of each key, through `kill -9` of a worker in the middle of an epoch and a commit, through one that stands still in the middle of
 * a transaction, and through a crash of Postgres itself.
 */

let scene: PostgresScene
let own: PostgresServer | undefined

afterEach(async () => {
  await scene.close()
  await own?.stop()
  own = undefined
  expect(leakedWorkers()).toEqual([])
})

const open = async (postgres: string): Promise<PostgresScene> =>
  await PostgresScene.open({
    temporalAddress: temporalAddress(),
    brokers: brokers(),
    postgres,
    perSecond: 1_000,
    commit: '200ms',
    checkpoint: '4s',
    heartbeatTimeout: '2s',
  })

it('loses, doubles and reorders no row when a worker is killed in mid-epoch', async () => {
  scene = await open(postgresUrl())
  await scene.begin(2)
  const owner = await scene.ownerOf(0)
  const before = await scene.midEpoch()
  // Of what one commit is, the rows are written, and the receipt is not.
  const unlock = await scene.lock('tidemark_ledger')
  const waits = async (): Promise<boolean> => (await scene.waiting(owner)).length > 0
  await scene.until('the worker to be between rows and receipt', waits, { every: 5 })
  await owner.kill()
  await unlock()
  const killed = Date.now()
  expect(scene.feed.finished).toBe(false)
  await scene.until('the next owner to commit', async () => (await scene.ledger(0)).position > before.position + 100)
  tellTimes('kill -9 to rows of the next owner, heartbeat time-out 2 s', Date.now() - killed)
  expect((await scene.ledger(0)).claim).toBeGreaterThan(before.claim)
  const { activities } = await scene.past(0)
  const lost = activities.filter(({ type, outcome }) => type === 'tidemark.runEpoch' && outcome === 'timed out')
  expect(lost.filter(({ scheduledAt, endedAt }) => scheduledAt < killed && endedAt > killed)).toHaveLength(1)
  // Its ledgers were ahead of the checkpoint: that much was executed again, muted.
  const claims = activities.filter(({ type, scheduledAt }) => type === 'tidemark.claim' && scheduledAt > killed)
  const furthest = claims.flatMap(({ result }) => Object.values((result['furthest'] ?? {}) as Record<string, string>))
  expect(Number(furthest[0])).toBeGreaterThanOrEqual(before.position)
  expect(await scene.finish()).toMatchObject({ outputs: NOTHING_WRONG, newest: NOTHING_WRONG })
}, 400_000)

it('lets a worker that stands still within its transaction hold nobody up, and commit nothing when it goes on', async () => {
  scene = await open(postgresUrl())
  await scene.begin(2)
  const zombie = await scene.ownerOf(0)
  const affected = await scene.ownedBy(zombie)
  await scene.midEpoch()
  const unlock = await scene.lock('outputs')
  const waits = async (): Promise<boolean> => (await scene.waiting(zombie)).length > 0
  await scene.until('the worker to be in the midst of a transaction', waits, { every: 5 })
  const before = await Promise.all(affected.map((partition) => scene.ledger(partition)))
  zombie.freeze()
  await scene.until('the worker to stand still', () => zombie.isFrozen, { every: 5 })
  // In the midst of their transactions: once there is no lock they stand open, and nobody goes on with them.
  const open_ = await scene.waiting(zombie)
  expect(open_.length).toBeGreaterThan(0)
  await unlock()
  await scene.until(
    'its successor to commit',
    async () => {
      const now = await Promise.all(affected.map((partition) => scene.ledger(partition)))
      return now.every(({ claim, position }, i) => {
        const was = before[i]
        return was !== undefined && claim > was.claim && position > was.position + 50
      })
    },
    { timeoutMs: 90_000 },
  )
  expect(zombie.isFrozen).toBe(true)
  const alive = () => scene.database.ask('SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1)', [open_])
  await scene.until('its transactions to be ended', async () => (await alive()).length === 0)
  expect(zombie.isFrozen).toBe(true)
  const said = zombie.log.length
  zombie.thaw()
  // By the ledger, by its ended connection, or by its worker, which has shut the session by then: whoever is first.
  const toldOff = (): boolean => /GenerationFenced|SessionLost|SinkUnavailable/.test(zombie.log.slice(said))
  await scene.until('the zombie to be told off', toldOff, { every: 20 })
  expect(scene.feed.finished).toBe(false)
  expect(await scene.finish()).toMatchObject({ outputs: NOTHING_WRONG, newest: NOTHING_WRONG })
}, 400_000)

it('loses, doubles and reorders no row when Postgres crashes', async () => {
  own = await startPostgres({ settings: { fsync: 'on', full_page_writes: 'on' } })
  scene = await open(own.url)
  await scene.begin(1)
  const before = await scene.midEpoch()
  await own.kill()
  const killed = Date.now()
  await own.restart()
  await scene.until('the next commit', async () => (await scene.ledger(0)).position > before.position + 100)
  tellTimes('crash of Postgres, with its restart, to the next rows', Date.now() - killed)
  expect(scene.feed.finished).toBe(false)
  const { activities } = await scene.past(0)
  expect(activities.map(({ failure }) => failure)).toContain('SinkUnavailable')
  expect(await scene.finish()).toMatchObject({ outputs: NOTHING_WRONG, newest: NOTHING_WRONG })
}, 400_000)
