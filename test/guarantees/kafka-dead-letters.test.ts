/**
 * Records that can't be processed, and records that Kafka refuses, become dead letters in the same transactions as the
 * output: each once, in order, and nothing else is missing.
 */
import { deadLetter, definePipeline, json } from 'tidemark'
import { kafkaSink, kafkaSource } from 'tidemark/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { readCommitted } from '../oracle/read-committed.js'
import { brokers } from '../setup/shared-servers.js'
import { uniqueName } from '../setup/unique-name.js'
import { Rig } from './rig.js'
import { Topics } from './topics.js'

const name = uniqueName('kafka-letters')
const output = `${name}-out`
const dead = `${name}-dead`
const COUNT = 400
let topics: Topics
let rig: Rig

const isTorn = (n: number): boolean => n % 50 === 7
const isLarge = (n: number): boolean => n % 60 === 11

beforeAll(async () => {
  topics = new Topics()
  await topics.make(name, 1)
  await topics.make(output, 1, { 'max.message.bytes': '6000' })
  await topics.make(dead, 1)
  const values = Array.from({ length: COUNT }, (_, n) =>
    isTorn(n) ? '{"n":' : JSON.stringify({ n, pad: 'x'.repeat(isLarge(n) ? 8_000 : 10) }),
  )
  await topics.send(name, 0, values)
  const pipeline = definePipeline({
    name,
    sources: { numbers: kafkaSource({ topic: name, value: json(z.object({ n: z.number(), pad: z.string() })) }) },
    steps: ({ numbers }) => numbers.to('out', kafkaSink({ topic: output })),
    onError: deadLetter(
      kafkaSink({
        topic: dead,
        value: { encode: ({ origin, error }) => Buffer.from(`${origin.position} ${error.code}`) },
      }),
    ),
  })
  rig = await Rig.start({ pipelines: [pipeline] })
})

afterAll(async () => {
  await rig.close()
  await topics.close()
})

it('keeps what is good in the output, and the rest among the letters', { timeout: 300_000 }, async () => {
  const all = Array.from({ length: COUNT }, (_, n) => n)
  const bad = all.filter((n) => isTorn(n) || isLarge(n))
  const { counters } = await (await rig.begin(name, { until: 'latest' })).result()
  expect(counters).toMatchObject({ read: COUNT, deadLettered: bad.length })
  const written = (await readCommitted(brokers(), output)).map(
    ({ value }) => (JSON.parse(value ?? '') as { n: number }).n,
  )
  expect(written).toEqual(all.filter((n) => !bad.includes(n)))
  const letters = (await readCommitted(brokers(), dead)).map(({ value }) => value ?? '')
  const expected = bad.map((n) => `${n} ${isTorn(n) ? 'DecodeFailed' : 'RecordRejected'}`)
  expect(letters.toSorted()).toEqual(expected.toSorted())
})
