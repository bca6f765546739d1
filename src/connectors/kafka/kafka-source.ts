import { defineSource } from '../../definition/define-source.js'
import { faultsOf } from '../../definition/faults-of.js'
import type { Unkeyed } from '../../definition/marks.js'
import type { Source, SourceContext } from '../../definition/source.js'
import { kafkaChannel } from './channel/kafka-channel.js'
import { type KafkaConnection, kafkaConnectionSchema } from './kafka-connection.js'
import { partitionBounds } from './partition-bounds.js'
import { PartitionReader } from './partition-reader.js'
import { persist } from './patience.js'
import { keyDecoder, valueDecoder } from './record-decoder.js'
import { keyHash } from './sink/murmur2.js'
import { type KafkaSourceOptions, kafkaSourceSchema } from './source-options.js'
import { describeTopic } from './topic-leader.js'

/**
 * Reads a Kafka topic, each partition from its leader and from the position that history names, without a consumer
 * group. Replayable, so it can be part of an exactly-once pipeline. Needs Kafka 3.6 or later.
 *
 * Throws nothing: wrong options are reported by `definePipeline`. On a worker it fails with `SourceUnavailable`,
 * `SourceUnauthorized`, `SourceUnsupported`, `PositionLost`, `PartitionsLost`, `SourceChanged` or `CorruptBatch`.
 */
export function kafkaSource<T, K = Unkeyed>(options: KafkaSourceOptions<T, K>): Source<T, K> {
  const { topic, value, key, cluster = 'default', startAt = 'earliest' } = options
  const skipLost = options.onDataLoss === 'skip'
  const committed = options.isolation !== 'read_uncommitted'
  const connectionOf = (ctx: SourceContext): KafkaConnection =>
    kafkaConnectionSchema.parse(ctx.connection('kafka', cluster))
  const placeOf = ({ pipeline, source }: SourceContext) => ({ pipeline, source, topic })

  return defineSource<Uint8Array | null, T, K>({
    kind: 'kafka',
    replayable: true,
    describe: `topic ${topic}`,
    faults: faultsOf(kafkaSourceSchema, options, ''),
    decode: valueDecoder(topic, value),
    ...(key === undefined ? {} : { key: keyDecoder(topic, key) }),

    channel: (spec) => kafkaChannel(spec, cluster),
    partitionOf: (bytes, partitions) => keyHash(bytes) % partitions,

    async partitions(ctx) {
      const place = placeOf(ctx)
      const connection = connectionOf(ctx)
      const ask = () => describeTopic(connection, topic, place, ctx.signal)
      return (await persist(place, ctx.signal, ask)).partitions.size
    },

    async bounds(ctx) {
      const place = { ...placeOf(ctx), partition: ctx.partition }
      return await partitionBounds(
        { connection: connectionOf(ctx), place, startAt: ctx.startAt ?? startAt, committed, skipLost },
        ctx.signal,
      )
    },

    async open(ctx) {
      return await PartitionReader.open(
        {
          connection: connectionOf(ctx),
          place: { ...placeOf(ctx), partition: ctx.partition },
          position: Number(ctx.position),
          committed,
          skipLost,
          strictUntil: Number(ctx.strictUntil ?? 0),
        },
        ctx.signal,
      )
    },
  })
}
