import { createRequire } from 'node:module'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { defineSource, sourceDefinitionOf } from '../../../src/definition/define-source.js'
import type { PipelineOptions } from '../../../src/definition/pipeline.js'
import { bytes, text } from '../../../src/definition/serdes/index.js'
import type { Source } from '../../../src/definition/source.js'
import { kafkaSource } from '../../../src/connectors/kafka/kafka-source.js'
import { BreakableSink } from './breakable-sink.js'
import { LogSource } from './log-source.js'
import { Task } from './task.js'

let log: LogSource
let out: BreakableSink
let task: Task
let counted = 0

/** Two partitions, by whether the key ends with an even digit; the task's is 0. */
function halves(): Source<number> {
  const definition = sourceDefinitionOf(log.source())
  if (definition === undefined) throw new TypeError('a log is a source')
  return defineSource({
    ...definition,
    partitions: async () => (counted++, 2),
    partitionOf: (key, partitions) => (key.at(-1) ?? 0) % partitions,
  }) as unknown as Source<number>
}

async function start(source: Source<number>, onError?: PipelineOptions<unknown, unknown>['onError']): Promise<void> {
  const pipeline = definePipeline({
    name: 'keys',
    ...(onError !== undefined && { onError }),
    sources: { numbers: source },
    steps: ({ numbers }) =>
      numbers
        .map('same', (n) => n)
        .keyBy('digit', (n) => String(n), { key: text(), alreadyPartitioned: true })
        .to('out', out.sink<number>()),
  })
  task = new Task(pipeline, { commitMs: 0 })
  await task.claim()
}

beforeEach(() => {
  log = new LogSource()
  out = new BreakableSink('out')
  counted = 0
})
afterEach(() => task.lose())

describe('a key of another partition', () => {
  test('parks the task before its record, and names step, offset and both partitions', async () => {
    await start(halves())
    log.append(2, 4, 5, 6)
    const { problem } = await task.epoch({ until: { numbers: '4' } })
    expect(problem).toMatchObject({
      code: 'KeyNotInPartition',
      details: { step: 'digit', belongs: 1, partitions: 2, origin: { source: 'numbers', partition: 0, position: '2' } },
    })
    expect(problem?.message).toContain('record 2 of partition 0')
    expect(problem?.message).toContain("step 'digit'")
    expect(problem?.message).toContain('belongs to 1, this is 0')
    expect([out.values, task.position]).toEqual([[2, 4], '2'])
  })

  test('is a bad record like others: onError may skip it', async () => {
    await start(halves(), 'skip')
    log.append(2, 5, 6)
    expect(await task.epoch({ until: { numbers: '3' } })).toMatchObject({ ended: 'until', skipped: 1 })
    expect(out.values).toEqual([2, 6])
  })

  test('is taken where the source can’t tell, and partitions are counted only for keyBy', async () => {
    await start(log.source())
    log.append(2, 5)
    await task.epoch({ until: { numbers: '2' } })
    expect(out.values).toEqual([2, 5])
    expect(counted).toBe(0)
    await task.lose()
    const plain = definePipeline({
      name: 'plain',
      sources: { numbers: halves() },
      steps: ({ numbers }) => numbers.map('same', (n) => n).to('out', out.sink<number>()),
    })
    task = new Task(plain)
    await task.claim()
    expect(counted).toBe(0)
  })
})

const require = createRequire(import.meta.url)
const kafkajs = require('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number
const partitionOf = sourceDefinitionOf(kafkaSource({ topic: 't', value: bytes() }))?.partitionOf

test('a Kafka source puts every key where Kafka’s default partitioner does', () => {
  const where = fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 1_000 }), (key, partitions) => {
    expect(partitionOf?.(key, partitions)).toBe((kafkajs(Buffer.from(key)) & 0x7fffffff) % partitions)
  })
  fc.assert(where)
})

// Kafka's own vectors of its hash (UtilsTest.testMurmur2), as records.test.ts has them.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['abc', 479470107],
])('a Kafka source puts %s where the Java client does', (key, hash) => {
  expect(partitionOf?.(Buffer.from(key), 7)).toBe((hash & 0x7fffffff) % 7)
})
