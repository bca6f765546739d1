/**
 * Whatever comes in or goes wrong around it, it is a clear error or a dead letter, and nothing is lost: once it is mended,
 * the pipeline goes on, and independent readers find all of the output, once. Each row of docs/bad-input.md is one test.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/dev/ports.js'
import { type GuardedKafka, startGuardedKafka } from '../setup/guarded-kafka.js'
import { type TestDatabase, testDatabase } from '../setup/postgres-database.js'
import { postgresUrl } from '../setup/shared-servers.js'
import { batches } from './bad-input/batches.js'
import { lostTopics } from './bad-input/lost-topics.js'
import { records } from './bad-input/records.js'
import type { Case, Row } from './bad-input/row.js'
import { targets } from './bad-input/targets.js'
import { Output } from './output.js'
import { Rig } from './rig.js'
import { Topics } from './topics.js'

const rows: readonly Row[] = [...records, ...batches, ...lostTopics, ...targets]
const PASSWORD = 'alice-keeps-this'

const cases = new Map<Row, Case>()
const outputs: Output[] = []
let directory: string
let kafka: GuardedKafka
let database: TestDatabase
let topics: Topics
let rig: Rig

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-bad-input-'))
  // One of its own: what a broker has on its disk is damaged, and what users may do is restricted.
  kafka = await startGuardedKafka({ directory, password: PASSWORD })
  database = await testDatabase(postgresUrl())
  topics = new Topics(kafka.brokers)
  const lettersPort = await freePort()
  const world = {
    kafka,
    topics,
    database,
    lettersPort,
    async output() {
      const output = await Output.make()
      outputs.push(output)
      return output
    },
    segment: (topic: string) => join(directory, 'kafka', 'data', `${topic}-0`, `${'0'.repeat(20)}.log`),
  }
  await Promise.all(rows.map(async (row) => cases.set(row, await row.set(world))))
  const letters = Object.assign(new URL(database.url), { hostname: '127.0.0.1', port: String(lettersPort) })
  rig = await Rig.start({
    pipelines: [...cases.values()].map(({ pipeline }) => pipeline),
    plugin: {
      discoveryInterval: '1s',
      kafka: { brokers: kafka.brokers },
      clusters: {
        guarded: { brokers: [kafka.sasl], sasl: { mechanism: 'plain', username: 'alice', password: PASSWORD } },
      },
      postgres: { connectionString: database.url },
      databases: { letters: { connectionString: letters.toString() } },
    },
  })
})

afterAll(async () => {
  await rig?.close()
  await topics?.close()
  await database?.drop()
  await kafka?.server.stop()
  for (const output of outputs) await output.remove()
  await rm(directory, { recursive: true, force: true })
})

it('the page has these rows, with their codes, and no others', async () => {
  const page = await readFile(new URL('../../docs/bad-input.md', import.meta.url), 'utf8')
  const told = [...page.matchAll(/^\| (.+?) +\| (.+?) +\| /gm)].slice(2)
  expect(told.map(([, input]) => input)).toEqual(rows.map(({ input }) => input))
  for (const [i, { input, code }] of rows.entries()) {
    const codes = [...(told[i]?.[2] ?? '').matchAll(/`([A-Z]\w+)`/g)].map(([, name]) => name)
    expect(codes, input).toEqual(code === null ? [] : [code])
  }
})

describe.concurrent('bad input', () => {
  for (const row of rows) {
    it(row.input, { timeout: 480_000 }, async () => {
      await cases.get(row)?.run(rig)
    })
  }
})
