import type { SourcePlace } from '../../errors/source.js'
import { type BrokerLink, openBrokerLink } from './broker-link.js'
import { checkVersions } from './check-versions.js'
import { failureOf, failureOfCode, PassingFailure } from './failure.js'
import type { KafkaConnection } from './kafka-connection.js'
import { listOffsetsRequest } from './protocol/list-offsets.js'
import { metadataRequest, type TopicMetadata } from './protocol/metadata.js'
import { meaningOf } from './protocol/error-codes.js'

/** Where in a source a partition is read: all of a place but with topic and partition for certain. */
export interface PartitionPlace extends SourcePlace {
  readonly topic: string
  readonly partition: number
}

/** A connection to the broker that leads one partition, as of now. */
export interface Leader {
  readonly link: BrokerLink
  /** 32 hex digits; another one means that the topic was made anew. */
  readonly topicId: string
  /** Lets the broker refuse us when leadership has moved on. */
  readonly epoch: number
}

/** Asks one broker after the other until one answers what it knows of the topic. Throws a `PassingFailure` if the topic is missing. */
export async function describeTopic(
  connection: KafkaConnection,
  topic: string,
  place: SourcePlace,
  signal: AbortSignal,
): Promise<TopicMetadata> {
  const { link, metadata } = await askAnyBroker(connection, topic, place, signal)
  link.destroy()
  return metadata
}

/** Finds the leader of a partition and connects to it. Throws a `PassingFailure` while there is none. */
export async function openLeader(
  connection: KafkaConnection,
  place: PartitionPlace,
  signal: AbortSignal,
): Promise<Leader> {
  const { link, metadata } = await askAnyBroker(connection, place.topic, place, signal)
  try {
    const partition = metadata.partitions.get(place.partition)
    if (partition === undefined)
      throw new PassingFailure(`the topic has no partition ${place.partition}`, metadata.partitions.size)
    const address = metadata.brokers.get(partition.leader)
    if (address === undefined) throw new PassingFailure('the partition has no leader')
    const leader = { topicId: metadata.topicId, epoch: partition.leaderEpoch }
    if (address === link.address) return { ...leader, link }
    const leaderLink = await openChecked(connection, address, place, signal)
    link.destroy()
    return { ...leader, link: leaderLink }
  } catch (error) {
    link.destroy()
    throw error
  }
}

/** The offset of a time, or of an end of the log (see `EARLIEST`, `LATEST`); -1: no record is that young. */
export async function listOffset(
  { link, epoch }: Leader,
  { topic, partition, ...place }: PartitionPlace,
  question: { readonly timestamp: number; readonly committed: boolean },
): Promise<number> {
  const answer = await link.send(listOffsetsRequest({ topic, partition, leaderEpoch: epoch, ...question }))
  if (answer.errorCode === 0) return answer.offset
  throw failureOfCode(answer.errorCode, `list offsets of topic ${topic}`, { ...place, topic, partition })
}

async function askAnyBroker(
  connection: KafkaConnection,
  topic: string,
  place: SourcePlace,
  signal: AbortSignal,
): Promise<{ link: BrokerLink; metadata: TopicMetadata }> {
  let last: Error = new PassingFailure('no broker is configured')
  for (const address of shuffled(connection.brokers)) {
    let link: BrokerLink | undefined
    try {
      link = await openChecked(connection, address, place, signal)
      const metadata = await link.send(metadataRequest(topic))
      if (metadata.errorCode === 0) return { link, metadata }
      const missing = meaningOf(metadata.errorCode).means === 'missing'
      throw missing
        ? new PassingFailure(`the topic does not exist`, 0)
        : failureOfCode(metadata.errorCode, `describe topic ${topic}`, place)
    } catch (error) {
      link?.destroy()
      signal.throwIfAborted()
      last = failureOf(error, place)
      if (!(last instanceof PassingFailure) || last.found !== null) throw last
    }
  }
  throw last
}

async function openChecked(
  connection: KafkaConnection,
  address: string,
  place: SourcePlace,
  signal: AbortSignal,
): Promise<BrokerLink> {
  const link = await openBrokerLink(connection, address, signal)
  try {
    checkVersions(link.versions, address, place)
    return link
  } catch (error) {
    link.destroy()
    throw error
  }
}

/** So that readers spread over the brokers, and a dead one isn't always asked first. */
function shuffled(addresses: readonly string[]): readonly string[] {
  return addresses
    .map((address) => ({ address, rank: Math.random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ address }) => address)
}
