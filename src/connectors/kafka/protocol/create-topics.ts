import { type KafkaRequest, sinkApis } from './request.js'
import type { Answer } from './transactions.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

const WITHIN_MS = 10_000

/** Makes a topic with the broker's own replication factor, and its settings but for those given. */
export function createTopicRequest(
  topic: string,
  partitions: number,
  settings: Readonly<Record<string, string>> = {},
): KafkaRequest<Answer> {
  const configs = Object.entries(settings)
  const body = new WireWriter()
    .array(1)
    .string(topic)
    .int32(partitions)
    .int16(-1) // replication_factor: the broker's default
    .array(0) // assignments
    .array(configs.length)
  for (const [name, value] of configs) body.string(name).string(value)
  body.int32(WITHIN_MS).bool(false) // validate_only
  return { api: sinkApis.createTopics, body: body.bytes(), read: readAnswer }
}

/** Raises a topic's number of partitions to `partitions`. */
export function createPartitionsRequest(topic: string, partitions: number): KafkaRequest<Answer> {
  const body = new WireWriter()
    .array(1)
    .string(topic)
    .int32(partitions)
    .nullArray() // assignments
    .int32(WITHIN_MS)
    .bool(false) // validate_only
  return { api: sinkApis.createPartitions, body: body.bytes(), read: readAnswer }
}

function readAnswer(body: Buffer): Answer {
  const reader = new WireReader(body)
  const throttleMs = reader.int32()
  const [errorCode] = reader.array(() => {
    reader.string() // topic
    const code = reader.int16()
    reader.nullableString() // error_message
    return code
  })
  if (errorCode === undefined) throw new RangeError('a response without the topic asked for')
  return { throttleMs, errorCode }
}
