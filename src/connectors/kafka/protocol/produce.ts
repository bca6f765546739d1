import { type KafkaRequest, sinkApis, type Throttled } from './request.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** Milliseconds that a broker may wait for its replicas. */
const REPLICATED_WITHIN_MS = 10_000

/** One record batch on its way to a partition. */
export interface ProducedBatch {
  readonly topic: string
  readonly partition: number
  readonly batch: Buffer
}

export interface ProduceResult {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  /** What the broker says of it; empty if nothing. */
  readonly message: string
  /** Indexes, within the batch, of the records that are to blame, as far as the broker tells. */
  readonly rejected: readonly number[]
}

export interface ProduceAnswer extends Throttled {
  readonly results: readonly ProduceResult[]
}

/** Sends one batch each to some partitions that one broker leads, to be acknowledged by all replicas in sync. */
export function produceRequest(
  transactionalId: string,
  batches: readonly ProducedBatch[],
): KafkaRequest<ProduceAnswer> {
  const byTopic = new Map<string, ProducedBatch[]>()
  for (const one of batches) {
    const others = byTopic.get(one.topic)
    if (others === undefined) byTopic.set(one.topic, [one])
    else others.push(one)
  }
  const body = new WireWriter().string(transactionalId).int16(-1).int32(REPLICATED_WITHIN_MS).array(byTopic.size)
  for (const [topic, ones] of byTopic) {
    body.string(topic).array(ones.length)
    for (const { partition, batch } of ones) body.int32(partition).records(batch)
  }
  return { api: sinkApis.produce, body: body.bytes(), read: readProduced }
}

function readProduced(body: Buffer): ProduceAnswer {
  const reader = new WireReader(body)
  const results = reader.array(() => {
    const topic = reader.string()
    return reader.array(() => readPartition(reader, topic))
  })
  return { results: results.flat(), throttleMs: reader.int32() }
}

function readPartition(reader: WireReader, topic: string): ProduceResult {
  const partition = reader.int32()
  const errorCode = reader.int16()
  for (let field = 0; field < 3; field++) reader.int64() // base_offset, log_append_time, log_start_offset
  const records = reader.array(() => ({ index: reader.int32(), message: reader.nullableString() }))
  const message = reader.nullableString() ?? records[0]?.message ?? ''
  return { topic, partition, errorCode, message, rejected: records.map(({ index }) => index) }
}
