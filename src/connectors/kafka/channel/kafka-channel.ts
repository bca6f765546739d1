import type { Channel, ChannelSpec } from '../../../definition/channel.js'
import type { AnySinkDefinition } from '../../../definition/define-sink.js'
import type { AnySourceDefinition } from '../../../definition/define-source.js'
import type { SourceContext, SourceDefinition, SourceReader } from '../../../definition/source.js'
import { type KafkaConnection, kafkaConnectionSchema } from '../kafka-connection.js'
import { partitionBounds } from '../partition-bounds.js'
import { PartitionReader } from '../partition-reader.js'
import { keyDecoder, valueDecoder } from '../record-decoder.js'
import { kafkaSinkDefinition } from '../sink/kafka-sink.js'
import { keyHash } from '../sink/murmur2.js'
import { ChannelRecord, channelHeaders } from './channel-record.js'
import { channelTopic, topicIn } from './channel-topic.js'
import { ensureTopic } from './ensure-topic.js'

type Raw = Uint8Array | null

/**
 * A topic of Tidemark's own between two stages. The sink before it is a Kafka sink like others, so it shares transaction and
 * ledger with those of its stage on the same cluster; the source behind it reads what is committed.
 */
export function kafkaChannel(spec: ChannelSpec, cluster: string): Channel {
  const unnamed = channelTopic(spec.pipeline, spec.id)
  const describe = `topic ${unnamed.replace('*', '<namespace>')}`
  const sink = kafkaSinkDefinition<unknown>({
    topic: unnamed,
    value: spec.value,
    headers: (_, { timestamp, headers, watermark, origin: { partition } }) => {
      return channelHeaders(timestamp, watermark === undefined ? undefined : { partition, watermark }, headers)
    },
    // Retention counts from when it was written, however long ago it happened.
    timestamp: (_, { now = 0 }) => now,
    cluster,
  })
  return {
    sink: { ...sink, faults: [], describe } as AnySinkDefinition,
    source: channelSource(spec, unnamed, cluster, describe) as AnySourceDefinition,
  }
}

function channelSource(
  spec: ChannelSpec,
  unnamed: string,
  cluster: string,
  describe: string,
): SourceDefinition<Raw, unknown, unknown> {
  const connectionOf = (ctx: SourceContext): KafkaConnection =>
    kafkaConnectionSchema.parse(ctx.connection('kafka', cluster))
  const placeOf = ({ pipeline, source, namespace = '', channel }: SourceContext) => {
    return { pipeline, source, topic: topicIn(namespace, unnamed, channel) }
  }
  return {
    kind: 'kafka',
    replayable: true,
    internal: true,
    describe,
    decode: valueDecoder(unnamed, spec.value),
    key: keyDecoder(unnamed, spec.key),
    partitionOf: (bytes, partitions) => keyHash(bytes) % partitions,
    channel: (next) => kafkaChannel(next, cluster),
    ...(spec.timed !== null && { senders: spec.senders }),

    async partitions(ctx) {
      const partitions = await spec.partitions(ctx)
      await ensureTopic(connectionOf(ctx), placeOf(ctx), partitions, ctx.signal)
      return partitions
    },

    async bounds(ctx) {
      const place = { ...placeOf(ctx), partition: ctx.partition }
      // The end is that of all that was written: what is just being committed belongs to those who have ended by now.
      return await partitionBounds(
        {
          connection: connectionOf(ctx),
          place,
          startAt: ctx.startAt ?? 'earliest',
          committed: false,
          skipLost: false,
        },
        ctx.signal,
      )
    },

    async open(ctx) {
      const reader = await PartitionReader.open(
        {
          connection: connectionOf(ctx),
          place: { ...placeOf(ctx), partition: ctx.partition },
          position: Number(ctx.position),
          committed: true,
          skipLost: false,
          strictUntil: Number(ctx.strictUntil ?? 0),
        },
        ctx.signal,
      )
      return asSent(reader)
    },
  }
}

function asSent(reader: PartitionReader): SourceReader<Raw> {
  return {
    identity: reader.identity,
    async poll(limits) {
      const batch = await reader.poll(limits)
      return { ...batch, records: batch.records.map((record) => new ChannelRecord(record)) }
    },
    close: () => reader.close(),
  }
}
