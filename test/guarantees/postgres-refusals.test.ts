/**
 * A row that a table refuses is a bad record like any other: all others of its commit are written, once and in order, and it
 * goes where `onError` says, with its coordinates and what the database said of it.
 */
import { deadLetter, definePipeline, json } from 'tidemark'
import { kafkaSource } from 'tidemark/kafka'
import { postgresSink } from 'tidemark/postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { type TestDatabase, testDatabase } from '../setup/postgres-database.js'
import { postgresUrl } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { Rig } from './rig.js'
import { numbers, Topics } from './topics.js'

const PARTITIONS = 2
const COUNT = 300
const name = uniqueName('refused-rows')
let topics: Topics
let database: TestDatabase
let rig: Rig

const pipeline = definePipeline({
  name,
  sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number() })) }) },
  steps: ({ numbers: read }) =>
    read
      .map('row', ({ n }, ctx) => ({ partition: ctx.origin.partition, n }))
      .to('rows', postgresSink({ table: 'rows' })),
  onError: deadLetter(postgresSink({ table: 'letters' })),
  commit: { interval: '100ms' },
  checkpoint: { interval: '1s' },
})

beforeAll(async () => {
  topics = new Topics()
  await topics.make(name, PARTITIONS)
  database = await testDatabase(postgresUrl())
  await database.ask(`CREATE TABLE rows (place bigserial, partition integer, n integer CHECK (n % 50 <> 7),
    CONSTRAINT once UNIQUE (partition, n))`)
  await database.ask(`CREATE TABLE letters (reason text, error jsonb, step text, origin jsonb, key bytea, value bytea,
    timestamp bigint, attempts integer)`)
  rig = await Rig.start({ pipelines: [pipeline], plugin: { postgres: { connectionString: database.url } } })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
  await database.drop()
})

it('takes a row that is refused to the dead letters, and writes all others', { timeout: 300_000 }, async () => {
  for (let partition = 0; partition < PARTITIONS; partition++) await topics.send(name, partition, numbers(COUNT))
  // The same again: refused by another constraint.
  await topics.send(name, 0, ['{"n":3}'])
  const handle = await rig.begin(name, { until: 'latest' })
  expect(await handle.result()).toMatchObject({ state: 'completed' })

  const all = Array.from({ length: COUNT }, (_, n) => n)
  const refused = all.filter((n) => n % 50 === 7)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const rows = await database.ask<{ n: number }>('SELECT n FROM rows WHERE partition = $1 ORDER BY place', [
      partition,
    ])
    expect(rows.map(({ n }) => n)).toEqual(all.filter((n) => !refused.includes(n)))
    const letters = await database.ask(
      `SELECT (origin->>'position')::int AS position, convert_from(value, 'UTF8') AS value, step, error->>'code' AS code,
        substring(reason from 'constraint "(.*)"') AS by FROM letters WHERE (origin->>'partition')::int = $1 ORDER BY 1`,
      [partition],
    )
    const expected = refused.map((n) => ({ position: n, value: `{"n":${n}}`, by: 'rows_n_check' }))
    if (partition === 0) expected.push({ position: COUNT, value: '{"n":3}', by: 'once' })
    expect(letters).toEqual(expected.map((letter) => ({ ...letter, step: 'rows', code: 'RecordRejected' })))
  }
})
