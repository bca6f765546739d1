/** Records that can't be processed: dead letters, which hold all of them. */
import { deadLetter, definePipeline, json, text } from 'tidemark'
import { fileSink } from 'tidemark/file'
import { kafkaSink, kafkaSource } from 'tidemark/kafka'
import { expect } from 'vitest'
import { z } from 'zod'
import { readCommitted } from '../../oracle/read-committed.js'
import { uniqueName } from '../../setup/unique-name.js'
import type { Output } from '../output.js'
import { numbers, type Topics } from '../topics.js'
import { numbersOf, parked, range, resumed, type Row } from './row.js'

const BAD_AT = 5
const COUNT = 12
const good = range(0, COUNT).filter((n) => n !== BAD_AT)

interface BadRecord {
  readonly input: string
  readonly reason: string
  readonly key?: null
  /** Default: a good one. */
  readonly value?: string | null
}

interface Letter {
  readonly reason: string
  readonly error: { readonly code: string }
  readonly step: string
  readonly origin: unknown
  readonly key: string | null
  readonly value: string | null
}

const lettersIn = async (output: Output): Promise<Letter[]> =>
  (await output.texts()).map((line) => JSON.parse(line) as Letter)

/** As JSON has a letter's key and value. */
const base64 = (content: string | null | undefined): string | null =>
  typeof content === 'string' ? Buffer.from(content).toString('base64') : null

function undecodable({ input, reason, key: badKey, value: badValue = '{"n":5}' }: BadRecord): Row {
  return {
    input,
    code: 'DecodeFailed',
    async set({ topics, output }) {
      const name = uniqueName('bad-record')
      const [files, letters] = [await output(), await output()]
      await topics.make(name, 1)
      const messages = numbers(COUNT).map((value, n) =>
        n === BAD_AT ? { key: badKey === null ? null : 'k', value: badValue } : { key: 'k', value },
      )
      await topics.produce({ topic: name, messages: messages.map((message) => ({ ...message, partition: 0 })) })
      const pipeline = definePipeline({
        name,
        sources: { numbers: kafkaSource({ topic: name, key: text(), value: json(z.object({ n: z.number() })) }) },
        steps: ({ numbers: read }) =>
          read
            .filter('keyed', (_, ctx) => ctx.key.length > 0)
            .to('files', fileSink({ directory: files.directory, origin: true })),
        onError: deadLetter(fileSink({ directory: letters.directory })),
      })
      return {
        pipeline,
        async run(rig) {
          const { counters } = await (await rig.begin(name, { until: 'latest' })).result()
          expect(counters).toMatchObject({ read: COUNT, skipped: 0, deadLettered: 1 })
          expect(await files.positions(0)).toEqual(good)
          const [letter, ...more] = await lettersIn(letters)
          expect(more).toEqual([])
          const origin = { source: 'numbers', partition: 0, position: String(BAD_AT) }
          expect(letter).toMatchObject({ reason, error: { code: 'DecodeFailed' }, step: 'numbers', origin })
          const { key, value } = messages[BAD_AT] ?? {}
          expect([letter?.key, letter?.value]).toEqual([base64(key), base64(value)])
        },
      }
    },
  }
}

const nullKey: Row = {
  input: 'null key',
  code: null,
  async set({ topics, kafka }) {
    const name = uniqueName('null-key')
    const out = `${name}-out`
    for (const topic of [name, out]) await topics.make(topic, 2)
    await topics.send(name, 1, numbers(COUNT))
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => read.to('out', kafkaSink({ topic: out })),
    })
    return {
      pipeline,
      async run(rig) {
        await (await rig.begin(name, { until: 'latest' })).result()
        const found = await readCommitted(kafka.brokers, out)
        expect(found).toEqual(numbers(COUNT).map((value) => ({ partition: 1, key: null, value })))
      },
    }
  },
}

/** Unless they are told otherwise, topics take a little more than one. */
const MEGABYTE = 1024 ** 2
const takes = (bytes: number) => ({ 'max.message.bytes': String(bytes) })

/** The record at `BAD_AT` has so many bytes of padding. Returns it. */
async function fillWithLarge(topics: Topics, topic: string, bytes: number): Promise<string> {
  const largest = JSON.stringify({ n: BAD_AT, pad: 'x'.repeat(bytes) })
  await topics.make(topic, 1, takes(2 * bytes))
  await topics.send(topic, 0, [...numbers(BAD_AT), largest])
  await topics.send(topic, 0, numbers(COUNT - BAD_AT - 1, BAD_AT + 1))
  return largest
}

const valuesIn = async (brokers: readonly string[], topic: string): Promise<number[]> =>
  (await readCommitted(brokers, topic)).map(({ value }) => (JSON.parse(value ?? '') as { n: number }).n)

/** It is read and written as any other, but to a topic that takes less. */
const large: Row = {
  input: 'record of 10 MB',
  code: 'RecordRejected',
  async set({ topics, output, kafka }) {
    const name = uniqueName('large')
    const small = `${name}-out`
    const [files, letters] = [await output(), await output()]
    const largest = await fillWithLarge(topics, name, 10 * MEGABYTE)
    await topics.make(small, 1)
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => [
        read.to('files', fileSink({ directory: files.directory, origin: true })),
        read.to('small', kafkaSink({ topic: small })),
      ],
      onError: deadLetter(fileSink({ directory: letters.directory })),
    })
    return {
      pipeline,
      async run(rig) {
        const { counters } = await (await rig.begin(name, { until: 'latest' })).result()
        expect(counters).toMatchObject({ read: COUNT, deadLettered: 1 })
        await files.expectNumbers([COUNT])
        expect(JSON.stringify((await files.lines())[BAD_AT]?.value) === largest).toBe(true)
        expect(await valuesIn(kafka.brokers, small)).toEqual(good)
        const [letter, ...more] = await lettersIn(letters)
        expect(more).toEqual([])
        expect(letter).toMatchObject({ error: { code: 'RecordRejected' }, step: 'small' })
        expect(letter?.reason).toContain(`MESSAGE_TOO_LARGE from topic ${small}`)
        expect(letter?.value === base64(largest)).toBe(true)
      },
    }
  },
}

const largeLetter: Row = {
  input: 'dead letter larger than its topic takes',
  code: 'RecordRejected',
  async set({ topics, kafka }) {
    const name = uniqueName('large-letter')
    const [small, dead] = [`${name}-out`, `${name}-dead`]
    const largest = await fillWithLarge(topics, name, 2 * MEGABYTE)
    for (const topic of [small, dead]) await topics.make(topic, 1)
    const pipeline = definePipeline({
      name,
      sources: { numbers: numbersOf(name) },
      steps: ({ numbers: read }) => read.to('small', kafkaSink({ topic: small })),
      onError: deadLetter(kafkaSink({ topic: dead })),
    })
    return {
      pipeline,
      async run(rig) {
        await rig.begin(name)
        const { problem } = await parked(rig, name, 'RecordRejected')
        expect(problem.message).toContain(`record ${BAD_AT} of partition 0`)
        expect(problem.message).toContain(`MESSAGE_TOO_LARGE from topic ${dead}`)
        await topics.configure(dead, takes(4 * MEGABYTE))
        await resumed(rig, name, COUNT)
        await rig.pipelines.get(name).drain()
        expect(await valuesIn(kafka.brokers, small)).toEqual(good)
        const [letter, ...more] = await readCommitted(kafka.brokers, dead)
        expect(more).toEqual([])
        expect((JSON.parse(letter?.value ?? '') as Letter).value === base64(largest)).toBe(true)
      },
    }
  },
}

export const records: readonly Row[] = [
  undecodable({ input: 'malformed JSON', value: '{"n":', reason: 'not JSON: 5 characters' }),
  undecodable({
    input: 'schema mismatch',
    value: '{"n":"five"}',
    reason: 'n: Invalid input: expected number, received string',
  }),
  undecodable({
    input: 'tombstone',
    value: null,
    reason: 'a tombstone (null value); wrap the serde in nullable() to accept it',
  }),
  undecodable({
    input: 'null key, where a step asks for it',
    key: null,
    reason: 'a record without a key; wrap the key serde in nullable() to accept it',
  }),
  nullKey,
  large,
  largeLetter,
]
