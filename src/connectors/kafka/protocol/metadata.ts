import { apis, type KafkaRequest, type Throttled } from './request.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** One topic as a broker knows it. */
export interface TopicMetadata extends Throttled {
  readonly errorCode: number
  /** Names the cluster; empty for one that has no name. */
  readonly clusterId: string
  /** Address of the broker that takes changes of topics; undefined while there is none. */
  readonly controller: string | undefined
  /** 32 hex digits; changes when the topic is deleted and made anew. */
  readonly topicId: string
  /** Addresses `host:port` by node id. */
  readonly brokers: ReadonlyMap<number, string>
  readonly partitions: ReadonlyMap<number, PartitionMetadata>
}

export interface PartitionMetadata {
  readonly errorCode: number
  /** -1: none just now. */
  readonly leader: number
  readonly leaderEpoch: number
}

/** Asks any broker about one topic. Never creates it. */
export function metadataRequest(topic: string): KafkaRequest<TopicMetadata> {
  const body = new WireWriter()
    .compactArray(1)
    .uuid('0'.repeat(32))
    .compactString(topic)
    .noTags()
    .bool(false) // allow_auto_topic_creation
    .bool(false) // include_topic_authorized_operations
    .noTags()
  return { api: apis.metadata, body: body.bytes(), read: readMetadata }
}

function readMetadata(body: Buffer): TopicMetadata {
  const reader = new WireReader(body)
  const throttleMs = reader.int32()
  const brokers = new Map(reader.compactArray(() => readBroker(reader)))
  const clusterId = reader.compactString()
  const controller = brokers.get(reader.int32())
  const [topic] = reader.compactArray(() => readTopic(reader))
  if (topic === undefined) throw new RangeError('a metadata response without the topic asked for')
  return { ...topic, clusterId, controller, brokers, throttleMs }
}

function readBroker(reader: WireReader): [number, string] {
  const nodeId = reader.int32()
  const address = `${reader.compactString()}:${reader.int32()}`
  reader.compactString() // rack
  reader.skipTags()
  return [nodeId, address]
}

function readTopic(reader: WireReader): Pick<TopicMetadata, 'errorCode' | 'topicId' | 'partitions'> {
  const errorCode = reader.int16()
  reader.compactString() // name
  const topicId = reader.uuid()
  reader.int8() // is_internal
  const partitions = new Map(reader.compactArray(() => readPartition(reader)))
  reader.int32() // topic_authorized_operations
  reader.skipTags()
  return { errorCode, topicId, partitions }
}

function readPartition(reader: WireReader): [number, PartitionMetadata] {
  const errorCode = reader.int16()
  const index = reader.int32()
  const leader = reader.int32()
  const leaderEpoch = reader.int32()
  for (let list = 0; list < 3; list++) reader.compactArray(() => reader.int32()) // replicas, in sync, offline
  reader.skipTags()
  return [index, { errorCode, leader, leaderEpoch }]
}
