import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../src/dev/ports.js'
import { startPostgres } from '../../src/dev/postgres-server.js'
import { withoutChance } from '../../test/oracle/counted.js'
import { type TestDatabase, testDatabase } from '../../test/setup/postgres-database.js'
import { postgresProtocol } from '../proxy/postgres-protocol.js'
import { Proxy } from '../proxy/proxy.js'
import { LedgerLog, sightingIn } from './ledger-log.js'
import { SeenOutputs } from './seen.js'
import type { OutputWatch, SinkUnderTest, Target } from './sink.js'

/** First words of statements, in their order within a commit, and how often each is hit. */
const STATEMENTS: Readonly<Record<string, number>> = { BEGIN: 1, INSERT: 1, UPDATE: 1, COMMIT: 4 }
const LOOK_MS = 100

/** Tables of one database, which workers reach through a proxy. */
export async function postgresSinkUnderTest(
  keeps: boolean,
  onProgress: (line: string) => void,
): Promise<SinkUnderTest> {
  const port = await freePort()
  const link = await Proxy.listen(await freePort(), port, postgresProtocol)
  const server = await startPostgres({ port, onProgress }).catch(async (error: unknown) => {
    await link.close()
    throw error
  })
  const database = await testDatabase(server.url)
  const points = Object.entries(STATEMENTS).map(([name, weight]) => [`postgres ${name}`, { proxy: link, name, weight }])
  return {
    servers: { postgres: server },
    links: { postgres: link },
    points: Object.fromEntries(points),
    target: (pipeline) => postgresTarget(database, link, pipeline, keeps),
    async close() {
      // The database goes with its server.
      await server.stop()
      await link.close()
    },
  }
}

async function postgresTarget(database: TestDatabase, link: Proxy, pipeline: string, keeps: boolean): Promise<Target> {
  const table = pipeline.replaceAll('-', '_')
  const ledgers = new LedgerRows(database, pipeline, table)
  await database.ask(`CREATE TABLE ${table} (place bigserial PRIMARY KEY, partition integer NOT NULL,
    "offset" bigint NOT NULL, key text, value text NOT NULL, now bigint NOT NULL, dice double precision NOT NULL${keeps ? ', nth integer NOT NULL' : ''})`)
  const url = Object.assign(new URL(database.url), { port: String(link.port) }).toString()
  return {
    settings: { kind: 'postgres', url, table },
    watch: () => Promise.resolve(new TableWatch(database, table, ledgers)),
    async read() {
      const seen = new SeenOutputs()
      for (const row of await rows(database, table, '')) seen.take(row.partition, row.line)
      return seen.lines
    },
    async faults(ends) {
      await ledgers.look()
      return ledgers.log.faults(ends)
    },
  }
}

interface Row {
  readonly partition: number
  readonly place: string
  /** As the oracle names it. */
  readonly line: string
}

/** In the order of their insertion, which within a partition is that of their commits. */
async function rows(database: TestDatabase, table: string, where: string): Promise<Row[]> {
  // By the column, not by its text of the same name.
  const found = await database.ask<{ partition: number; place: string; line: string }>(
    `SELECT partition, place::text, (to_jsonb(${table}) - 'place' || jsonb_build_object('offset', "offset"::text))::text
      AS line FROM ${table} ${where} ORDER BY ${table}.place`,
  )
  return found.map(({ partition, place, line }) => ({ partition, place, line: withoutChance(line) }))
}

/** The ledgers' rows of one pipeline. */
class LedgerRows {
  readonly log = new LedgerLog()
  private readonly database: TestDatabase
  private readonly text: string

  constructor(database: TestDatabase, pipeline: string, table: string) {
    this.database = database
    // One statement sees one moment: a commit shows its rows and its receipt, or neither.
    this.text = `SELECT partition, receipt, (SELECT "offset"::text FROM ${table} WHERE ${table}.partition = ledger.partition
        ORDER BY place DESC LIMIT 1) AS "lastOutput"
      FROM (SELECT split_part(ledger_key, '/${pipeline}/main/', 2) AS rest, receipt::text FROM tidemark_ledger) AS receipts,
        LATERAL (SELECT split_part(rest, '/', 1)::integer AS partition) AS ledger
      WHERE rest <> ''`
  }

  async look(): Promise<void> {
    const found = await this.database.ask<{ partition: number; receipt: string; lastOutput: string | null }>(this.text)
    for (const { partition, receipt, lastOutput } of found) {
      const sighting = sightingIn(partition, receipt)
      this.log.take(sighting)
      if (Number(lastOutput ?? -1) >= sighting.position)
        this.log.note(`partition ${partition}: a row of offset ${lastOutput} before a receipt of ${sighting.position}`)
    }
  }
}

/** Asks for new rows. Partition by partition: others commit theirs in between, with older places. */
class TableWatch implements OutputWatch {
  private readonly outputs = new SeenOutputs()
  readonly seen = this.outputs.lines
  private readonly database: TestDatabase
  private readonly table: string
  private readonly ledgers: LedgerRows
  private readonly places = new Map<number, string>()
  private readonly looking: Promise<void>
  private finishing = false

  constructor(database: TestDatabase, table: string, ledgers: LedgerRows) {
    this.database = database
    this.table = table
    this.ledgers = ledgers
    this.looking = this.watch()
    this.looking.catch(() => undefined)
  }

  async finish(): Promise<void> {
    this.finishing = true
    await this.looking
    await this.look()
  }

  close(): void {
    this.finishing = true
  }

  private async watch(): Promise<void> {
    while (!this.finishing) {
      // The server may be away: what it has is asked for again.
      await this.look()
        .then(() => this.ledgers.look())
        .catch(() => undefined)
      await sleep(LOOK_MS)
    }
  }

  private async look(): Promise<void> {
    const known = [...this.places].map(([partition, place]) => `(partition = ${partition} AND place > ${place})`)
    const others = this.places.size === 0 ? [] : [`partition NOT IN (${[...this.places.keys()].join(',')})`]
    const where = known.length === 0 ? '' : `WHERE ${[...known, ...others].join(' OR ')}`
    for (const { partition, place, line } of await rows(this.database, this.table, where)) {
      this.places.set(partition, place)
      this.outputs.take(partition, line)
    }
  }
}
