import { z } from 'zod'
import { functionSchema } from '../../definition/faults-of.js'
import type { Decoder } from '../../definition/serde.js'
import type { StartAt } from '../../definition/source.js'

export interface KafkaSourceOptions<T, K> {
  readonly topic: string
  readonly value: Decoder<T>
  /** Present: the stream is keyed. Equal keys must share a partition, as Kafka's producers see to. Must not return promises. */
  readonly key?: Decoder<K>
  /** The cluster's name in the plugin's `clusters` option. Default: the cluster of its `kafka` option. */
  readonly cluster?: string
  /** Where a fresh pipeline begins to read. A partition without an offset in `offsets` begins at its earliest. Default: `earliest`. */
  readonly startAt?: StartAt
  /** What to do when retention has deleted records before they were read: fail with `PositionLost`, or go on behind them and show the loss in status. Default: `fail`. */
  readonly onDataLoss?: 'fail' | 'skip'
  /** Whether records of open and aborted transactions are left out. Default: `read_committed`. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
}

const decoder = z.looseObject({ decode: functionSchema, nullable: z.boolean().optional() }, 'must be a serde')

const time = z.union([z.date(), z.number().int().min(0)], 'must be a valid date, or milliseconds since the epoch')

const offset = z
  .string()
  .regex(/^\d{1,16}$/, 'must be a decimal offset')
  .refine((text) => Number.isSafeInteger(Number(text)), 'must be below 2^53')

const startAt = z.union(
  [
    z.enum(['earliest', 'latest']),
    z.strictObject({ timestamp: time }),
    z.strictObject({ offsets: z.record(z.string().regex(/^\d{1,10}$/), offset) }),
  ],
  "must be 'earliest', 'latest', { timestamp: a date or ms since the epoch } or { offsets: { partition number: decimal offset } }",
)

export const topicSchema = z
  .string('must be the name of a topic')
  .regex(/^[A-Za-z0-9._-]{1,249}$/, 'must be 1 to 249 letters, digits, dots, underscores or dashes')
  .refine((name) => name !== '.' && name !== '..', 'must be a name that Kafka takes')

/** What `kafkaSource` takes, as far as it can be known without a cluster. */
export const kafkaSourceSchema = z.strictObject(
  {
    topic: topicSchema,
    value: decoder,
    key: decoder.optional(),
    cluster: z.string('must be a name').min(1, 'must not be empty').optional(),
    startAt: startAt.optional(),
    onDataLoss: z.enum(['fail', 'skip'], "must be 'fail' or 'skip'").optional(),
    isolation: z
      .enum(['read_committed', 'read_uncommitted'], "must be 'read_committed' or 'read_uncommitted'")
      .optional(),
  },
  'must be an object of options',
)
