import { type KafkaRequest, sinkApis, type Throttled } from './request.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

export interface CommittedOffset extends Throttled {
  readonly errorCode: number
  /** -1: none. */
  readonly offset: number
  readonly metadata: string
}

/**
 * Asks the group's coordinator for the offset of one partition. `stable`: refused with UNSTABLE_OFFSET_COMMIT while a
 * transaction that would change it is not ended; else what was committed before.
 */
export function offsetFetchRequest(
  group: string,
  topic: string,
  partition: number,
  stable: boolean,
): KafkaRequest<CommittedOffset> {
  const body = new WireWriter()
    .compactString(group)
    .compactArray(1)
    .compactString(topic)
    .compactArray(1)
    .int32(partition)
    .noTags()
    .bool(stable)
    .noTags()
  return { api: sinkApis.offsetFetch, body: body.bytes(), read: readOffset }
}

function readOffset(body: Buffer): CommittedOffset {
  const reader = new WireReader(body)
  const throttleMs = reader.int32()
  const [[found] = []] = reader.compactArray(() => {
    reader.compactString() // topic
    const partitions = reader.compactArray(() => {
      reader.int32() // partition
      const offset = reader.int64()
      reader.int32() // committed_leader_epoch
      const metadata = reader.compactString()
      const errorCode = reader.int16()
      reader.skipTags()
      return { offset, metadata, errorCode }
    })
    reader.skipTags()
    return partitions
  })
  const errorCode = reader.int16()
  if (errorCode !== 0) return { throttleMs, errorCode, offset: -1, metadata: '' }
  if (found === undefined) throw new RangeError('an offset-fetch response without the partition asked for')
  return { throttleMs, ...found }
}
