import { type KafkaRequest, sinkApis, type Throttled } from './request.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** A producer's number and the epoch that tells it from older ones of the same transactional id. */
export interface ProducerId {
  readonly id: number
  readonly epoch: number
}

export interface Answer extends Throttled {
  readonly errorCode: number
}

/** Fences older producers of that id, aborts what they left open, and gives out a new epoch. */
export function initProducerIdRequest(
  transactionalId: string,
  timeoutMs: number,
): KafkaRequest<Answer & { readonly producer: ProducerId }> {
  const body = new WireWriter().string(transactionalId).int32(timeoutMs)
  return {
    api: sinkApis.initProducerId,
    body: body.bytes(),
    read(answer) {
      const reader = new WireReader(answer)
      const throttleMs = reader.int32()
      const errorCode = reader.int16()
      return { throttleMs, errorCode, producer: { id: reader.int64(), epoch: reader.int16() } }
    },
  }
}

/** By topic: the numbers of its partitions. */
export type TopicPartitions = ReadonlyMap<string, readonly number[]>

/** Partitions belong to the transaction before anything is produced to them. */
export function addPartitionsRequest(
  transactionalId: string,
  producer: ProducerId,
  topics: TopicPartitions,
): KafkaRequest<Answer & { readonly topic: string }> {
  const body = transactionOf(transactionalId, producer).array(topics.size)
  for (const [topic, partitions] of topics) {
    body.string(topic).array(partitions.length)
    for (const partition of partitions) body.int32(partition)
  }
  return { api: sinkApis.addPartitionsToTxn, body: body.bytes(), read: readWorst }
}

/** The group's offsets belong to the transaction before any is committed in it. */
export function addOffsetsRequest(transactionalId: string, producer: ProducerId, group: string): KafkaRequest<Answer> {
  const body = transactionOf(transactionalId, producer).string(group)
  return { api: sinkApis.addOffsetsToTxn, body: body.bytes(), read: readPlain }
}

/** Ends the transaction. `commit` false: none of it was. */
export function endTxnRequest(transactionalId: string, producer: ProducerId, commit: boolean): KafkaRequest<Answer> {
  const body = transactionOf(transactionalId, producer).bool(commit)
  return { api: sinkApis.endTxn, body: body.bytes(), read: readPlain }
}

export interface OffsetAt {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string
}

/** Asks the group's coordinator to commit one offset with the transaction, for a group without members. */
export function txnOffsetCommitRequest(
  transactionalId: string,
  producer: ProducerId,
  group: string,
  at: OffsetAt,
): KafkaRequest<Answer> {
  const body = new WireWriter()
    .string(transactionalId)
    .string(group)
    .int64(producer.id)
    .int16(producer.epoch)
    .array(1)
    .string(at.topic)
    .array(1)
    .int32(at.partition)
    .int64(at.offset)
    .int32(-1) // committed_leader_epoch
    .string(at.metadata)
  return { api: sinkApis.txnOffsetCommit, body: body.bytes(), read: readWorst }
}

const transactionOf = (transactionalId: string, { id, epoch }: ProducerId): WireWriter =>
  new WireWriter().string(transactionalId).int64(id).int16(epoch)

function readPlain(body: Buffer): Answer {
  const reader = new WireReader(body)
  return { throttleMs: reader.int32(), errorCode: reader.int16() }
}

/** Error codes by partition: the first that says more than that it was not tried, since others failed. */
function readWorst(body: Buffer): Answer & { readonly topic: string } {
  const reader = new WireReader(body)
  const throttleMs = reader.int32()
  const found = reader
    .array(() => {
      const topic = reader.string()
      return reader.array(() => {
        reader.int32() // partition
        return { topic, errorCode: reader.int16() }
      })
    })
    .flat()
  const failed = found.filter(({ errorCode }) => errorCode !== 0)
  const worst = failed.find(({ errorCode }) => errorCode !== NOT_ATTEMPTED) ?? failed[0]
  return { throttleMs, topic: worst?.topic ?? '', errorCode: worst?.errorCode ?? 0 }
}

const NOT_ATTEMPTED = 55
