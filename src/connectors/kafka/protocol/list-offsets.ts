import { apis, type KafkaRequest, type Throttled } from './request.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** In place of a timestamp: the first offset that exists. */
export const EARLIEST = -2
/** In place of a timestamp: the end; with read_committed the last stable offset, else the high watermark. */
export const LATEST = -1

export interface ListOffsetsQuestion {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly committed: boolean
  /** Milliseconds since the epoch, `EARLIEST` or `LATEST`. */
  readonly timestamp: number
}

export interface ListOffsetsAnswer extends Throttled {
  readonly errorCode: number
  /** -1: no record is that young. */
  readonly offset: number
}

/** Asks the leader of one partition which offset a time is at. */
export function listOffsetsRequest(question: ListOffsetsQuestion): KafkaRequest<ListOffsetsAnswer> {
  const body = new WireWriter()
    .int32(-1) // replica_id: a client
    .int8(question.committed ? 1 : 0)
    .int32(1)
    .string(question.topic)
    .int32(1)
    .int32(question.partition)
    .int32(question.leaderEpoch)
    .int64(question.timestamp)
  return { api: apis.listOffsets, body: body.bytes(), read: readListOffsets }
}

function readListOffsets(body: Buffer): ListOffsetsAnswer {
  const reader = new WireReader(body)
  const throttleMs = reader.int32()
  const answers = reader.array(() => {
    reader.string() // topic
    return reader.array(() => {
      reader.int32() // partition
      const errorCode = reader.int16()
      reader.int64() // timestamp
      const offset = reader.int64()
      reader.int32() // leader_epoch
      return { errorCode, offset }
    })
  })
  const answer = answers[0]?.[0]
  if (answer === undefined) throw new RangeError('a list-offsets response without the partition asked for')
  return { ...answer, throttleMs }
}
