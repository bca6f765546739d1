import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type Message, type Producer } from 'kafkajs'
import { kafkaSource, type KafkaSourceOptions } from '../../../../src/connectors/kafka/index.js'
import type { KafkaConnection } from '../../../../src/connectors/kafka/kafka-connection.js'
import { type AnySourceDefinition, sourceDefinitionOf } from '../../../../src/definition/define-source.js'
import type { Bounds, PollLimits, SourceBatch, SourceReader, StartAt } from '../../../../src/definition/source.js'

const text = { decode: (bytes: Uint8Array) => Buffer.from(bytes).toString() }
const never = new AbortController().signal

/** The definition of a Kafka source of texts. */
export function definitionOf(
  topic: string,
  more: Partial<KafkaSourceOptions<string, never>> = {},
): AnySourceDefinition {
  const definition = sourceDefinitionOf(kafkaSource({ topic, value: text, ...more }))
  if (definition === undefined) throw new Error('kafkaSource made no source')
  return definition
}

export interface Asked {
  readonly brokers: readonly string[]
  readonly partition?: number
  readonly connection?: Partial<KafkaConnection>
  readonly signal?: AbortSignal
}

const contextOf = ({ brokers, partition = 0, connection, signal = never }: Asked) => ({
  pipeline: 'delays',
  source: 'flights',
  partition,
  signal,
  connection: () => ({ brokers, ...connection }),
})

export function partitionsOf(definition: AnySourceDefinition, asked: Asked): Promise<number> {
  return definition.partitions(contextOf(asked))
}

export function boundsOf(definition: AnySourceDefinition, asked: Asked, startAt?: StartAt): Promise<Bounds> {
  return definition.bounds({ ...contextOf(asked), ...(startAt === undefined ? {} : { startAt }) })
}

export function open(
  definition: AnySourceDefinition,
  asked: Asked & { readonly position?: string; readonly strictUntil?: string },
): Promise<SourceReader<unknown>> {
  const { position = '0', strictUntil } = asked
  return definition.open({ ...contextOf(asked), position, ...(strictUntil === undefined ? {} : { strictUntil }) })
}

/** One poll. Default: any number of records, 8 MiB, 1 s. */
export function poll(reader: SourceReader<unknown>, more: Partial<PollLimits> = {}): Promise<SourceBatch<unknown>> {
  return reader.poll({ maxRecords: 100_000, maxBytes: 8 * 1024 ** 2, maxWaitMs: 1_000, signal: never, ...more })
}

/** `position:value` of each record of a batch. */
export function shown({ records }: SourceBatch<unknown>): string[] {
  return records.map(({ position, value }) => {
    return `${position}:${value === null ? 'null' : Buffer.from(value as Uint8Array).toString()}`
  })
}

/** Polls until `next` is reached, and returns what came, as `shown`. */
export async function readUntil(
  reader: SourceReader<unknown>,
  next: number,
  more: Partial<PollLimits> = {},
): Promise<string[]> {
  const all: string[] = []
  const deadline = Date.now() + 60_000
  for (let at = 0; at < next;) {
    if (Date.now() > deadline) throw new Error(`after 60 s still at ${at} of ${next}, having read ${all.join()}`)
    const batch = await poll(reader, more)
    all.push(...shown(batch))
    at = Number(batch.next)
  }
  return all
}

export const clientOf = (brokers: readonly string[]): kafkajs.Kafka =>
  new kafkajs.Kafka({ brokers: [...brokers], clientId: 'test', logLevel: kafkajs.logLevel.NOTHING })

export async function withAdmin<T>(brokers: readonly string[], use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = clientOf(brokers).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

export async function withProducer<T>(
  brokers: readonly string[],
  use: (producer: Producer) => Promise<T>,
  transactionalId?: string,
): Promise<T> {
  const producer = clientOf(brokers).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    ...(transactionalId === undefined ? {} : { transactionalId, idempotent: true, maxInFlightRequests: 1 }),
  })
  await producer.connect()
  try {
    return await use(producer)
  } finally {
    await producer.disconnect()
  }
}

/** Writes one batch per call to one partition; texts become values. */
export async function produce(
  brokers: readonly string[],
  topic: string,
  messages: readonly (string | Message)[],
  { partition = 0, gzip = false } = {},
): Promise<void> {
  await withProducer(brokers, async (producer) => {
    await whenKnown(() =>
      producer.send({
        topic,
        compression: gzip ? kafkajs.CompressionTypes.GZIP : kafkajs.CompressionTypes.None,
        messages: messages.map((one) => ({ ...(typeof one === 'string' ? { value: one } : one), partition })),
      }),
    )
  })
}

/** A broker may not know a new topic for a moment, though its controller does. Nothing is written then. */
async function whenKnown<T>(send: () => Promise<T>): Promise<T> {
  for (let left = 300; ; left--) {
    try {
      return await send()
    } catch (error) {
      if (left === 0 || (error as { type?: unknown }).type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
      await sleep(100)
    }
  }
}

/** Deletes all records below `offset`, as retention does. */
export async function deleteBelow(brokers: readonly string[], topic: string, offset: number): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    await admin.fetchTopicOffsets(topic) // kafkajs knows no leaders before
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] })
  })
}
