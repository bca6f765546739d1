import { z } from 'zod'
import { durationSchema, functionSchema } from '../../../definition/faults-of.js'
import type { Encoder } from '../../../definition/serde.js'
import type { Output } from '../../../definition/sink.js'
import type { Duration, EpochMs } from '../../../units.js'
import type { Codec } from '../compression/compress.js'
import { topicSchema } from '../source-options.js'
import type { HeaderValues } from './header-bytes.js'

export interface KafkaSinkOptions<T> {
  /** A topic that exists, or one for each value: those have to exist too. */
  readonly topic: string | ((value: T) => string)
  /** Value to bytes. `null` is written as a tombstone, whatever this says. Default: JSON. */
  readonly value?: Encoder<T>
  /** Default: the key of the record that the value came from, in its bytes. */
  readonly key?: (value: T, output: Output<T>) => string | Uint8Array | null
  /** Default: none. */
  readonly headers?: (value: T, output: Output<T>) => HeaderValues
  /**
   * The partition of a value, below `partitions`. Default: as Kafka's Java client does, by the key's murmur2 hash; without
   * a key, the partition that has the number of the one it was read from.
   */
  readonly partition?: (value: T, partitions: number) => number
  /** Default: the time of the record that the value came from. */
  readonly timestamp?: (value: T, output: Output<T>) => Date | EpochMs
  /** The cluster's name in the plugin's `clusters` option. Default: the cluster of its `kafka` option. */
  readonly cluster?: string
  /** Of batches. Default: `none`. */
  readonly compression?: Codec
  /**
   * When brokers abort a transaction whose worker is gone; until then readers wait. At least twice the commit interval, at most
   * what brokers allow (15 minutes, unless told otherwise). Of several sinks that share a transaction the first one's
   * counts. Default: 1 minute.
   */
  readonly transactionTimeout?: Duration
}

/** What `kafkaSink` takes, as far as it can be known without a cluster. */
export const kafkaSinkSchema = z.strictObject(
  {
    topic: z.union([topicSchema, functionSchema], 'must be the name of a topic, or a function that returns one'),
    value: z.looseObject({ encode: functionSchema }, 'must be a serde').optional(),
    key: functionSchema.optional(),
    headers: functionSchema.optional(),
    partition: functionSchema.optional(),
    timestamp: functionSchema.optional(),
    cluster: z.string('must be a name').min(1, 'must not be empty').optional(),
    compression: z.enum(['none', 'gzip', 'snappy', 'lz4'], "must be 'none', 'gzip', 'snappy' or 'lz4'").optional(),
    transactionTimeout: durationSchema(1_000, 900_000).optional(),
  },
  'must be an object of options',
)
