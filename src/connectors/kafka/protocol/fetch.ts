import { apis, type KafkaRequest, type Throttled } from './request.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

export interface FetchQuestion {
  /** 32 hex digits. */
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  /** The next offset to read. */
  readonly offset: number
  readonly committed: boolean
  /** Milliseconds the broker holds the request while there is nothing. */
  readonly maxWaitMs: number
  /** Bytes; the first batch comes even if it is larger. */
  readonly maxBytes: number
}

/** A transaction that ended in an abort: records of `producerId` from `firstOffset` up to its marker. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface FetchAnswer extends Throttled {
  readonly errorCode: number
  readonly highWatermark: number
  /** -1 with an error. */
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** In no particular order. */
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches as the log holds them, sharing the response's memory. */
  readonly records: Buffer
}

/** Reads one partition from its leader, outside of any fetch session. */
export function fetchRequest(question: FetchQuestion): KafkaRequest<FetchAnswer> {
  const body = new WireWriter()
    .int32(-1) // replica_id: a client
    .int32(question.maxWaitMs)
    .int32(1) // min_bytes
    .int32(question.maxBytes)
    .int8(question.committed ? 1 : 0)
    .int32(0) // session_id
    .int32(-1) // session_epoch: no session
    .compactArray(1)
    .uuid(question.topicId)
    .compactArray(1)
    .int32(question.partition)
    .int32(question.leaderEpoch)
    .int64(question.offset)
    .int32(-1) // last_fetched_epoch
    .int64(-1) // log_start_offset: followers only
    .int32(question.maxBytes)
    .noTags()
    .noTags()
    .compactArray(0) // forgotten topics
    .compactString('') // rack_id
    .noTags()
  return { api: apis.fetch, body: body.bytes(), read: readFetch }
}

const nothing = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, aborted: [], records: Buffer.alloc(0) }

function readFetch(body: Buffer): FetchAnswer {
  const reader = new WireReader(body)
  const throttleMs = reader.int32()
  const errorCode = reader.int16()
  reader.int32() // session_id
  const topics = reader.compactArray(() => {
    reader.uuid()
    const partitions = reader.compactArray(() => readPartition(reader))
    reader.skipTags()
    return partitions
  })
  if (errorCode !== 0) return { ...nothing, errorCode, throttleMs }
  const partition = topics[0]?.[0]
  if (partition === undefined) throw new RangeError('a fetch response without the partition asked for')
  return { ...partition, throttleMs }
}

function readPartition(reader: WireReader): Omit<FetchAnswer, 'throttleMs'> {
  reader.int32() // partition
  const errorCode = reader.int16()
  const highWatermark = reader.int64()
  const lastStableOffset = reader.int64()
  const logStartOffset = reader.int64()
  const aborted = reader.compactArray(() => {
    const transaction = { producerId: reader.int64(), firstOffset: reader.int64() }
    reader.skipTags()
    return transaction
  })
  reader.int32() // preferred_read_replica
  const records = reader.compactBytes()
  reader.skipTags()
  return { errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records }
}
