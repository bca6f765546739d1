import { z } from 'zod'
import type { Client } from '@temporalio/client'
import { type HttpConnection, httpConnectionSchema } from '../connectors/http/http-connection.js'
import { type KafkaConnection, kafkaConnectionSchema } from '../connectors/kafka/kafka-connection.js'
import { type PostgresConnection, postgresConnectionSchema } from '../connectors/postgres/postgres-connection.js'
import { type S3Connection, s3ConnectionSchema } from '../connectors/s3/s3-connection.js'
import { isClient } from '../connectors/temporal/client.js'
import type { Blueprint } from '../definition/blueprint.js'
import { blueprintOf } from '../definition/blueprint-of.js'
import type { Pipeline } from '../definition/pipeline.js'
import { InvalidCommand } from '../errors/control.js'
import { DEFAULT_TASK_QUEUE } from '../protocol/names.js'
import { type Bytes, type Duration, parseBytes, parseDuration } from '../units.js'

export interface TidemarkPluginOptions {
  /** The pipelines this worker can run. All workers of one `taskQueue` need the same: another service gets a queue of its own. */
  readonly pipelines: readonly Pipeline[]
  /** The Kafka cluster of sources that name none. */
  readonly kafka?: KafkaConnection
  /** Further clusters, by the name that sources give as `cluster`. */
  readonly clusters?: Readonly<Record<string, KafkaConnection>>
  /** The database of Postgres sinks that name none. */
  readonly postgres?: PostgresConnection
  /** Further databases, by the name that sinks give as `database`. */
  readonly databases?: Readonly<Record<string, PostgresConnection>>
  /** How S3 sinks reach their buckets; `{}` leaves all to the AWS SDK. */
  readonly s3?: S3Connection
  /** HTTP services, by the name that sinks give as `connection`: what is secret, and what differs from worker to worker. */
  readonly http?: Readonly<Record<string, HttpConnection>>
  /** Temporal clients, by the name that sinks give as `connection`; those that name none use the worker's own. */
  readonly temporal?: Readonly<Record<string, Client>>
  /** The pipelines' own task queue, apart from the user worker's. Default: `tidemark`. */
  readonly taskQueue?: string
  /** Tasks (partitions) this process holds at most. Default: 200. */
  readonly maxTasks?: number
  /** What all tasks of this process read ahead together, in bytes. Default: 64 MiB. */
  readonly prefetch?: Bytes
  /**
   * A session that has been silent for so long counts as lost: after `kill -9` its task goes on elsewhere after at most
   * this and about a second. Epochs shorter than this minus 0.9 s send no heartbeat; each one sent is a billable action.
   * At least 1 s. Default: 6 s, which costs none at the default checkpoint interval of 5 s, and about 12 a minute for an
   * idle partition.
   */
  readonly heartbeatTimeout?: Duration
  /** How long an epoch without a record lasts: an idle partition costs one activity per this. Default: 1 minute. */
  readonly idleInterval?: Duration
  /** How often to look for new partitions and lost tasks. Default: 30 s. */
  readonly discoveryInterval?: Duration
}

/** The options as the plugin goes by them: checked, in ms and bytes. */
export interface PluginSettings {
  readonly pipelines: ReadonlyMap<string, Blueprint>
  readonly taskQueue: string
  readonly maxTasks: number
  readonly prefetchBytes: number
  readonly heartbeatMs: number
  readonly idleMs: number
  readonly discoveryMs: number
  /** Throws `InvalidCommand` where this worker has no connection of that kind and name. */
  readonly connection: (kind: string, name: string) => unknown
}

const atLeast = (ms: number): z.ZodType<Duration> =>
  z.custom<Duration>(
    (value) => (parseDuration(value) ?? -1) >= ms,
    `a duration of at least ${ms} ms, as '5 seconds' or 5000`,
  )

/** Connections by name. `default` is what those have that name none: here nobody would ever ask for it. */
const further = <V>(value: z.ZodType<V>, remedy: string) =>
  z
    .record(z.string().min(1), value)
    .refine((named) => !Object.hasOwn(named, 'default'), `'default' is the name of ${remedy}`)
    .optional()

const schema = z.strictObject({
  pipelines: z.array(z.custom<Pipeline>(isPipeline, 'must be made by definePipeline')).min(1),
  kafka: kafkaConnectionSchema.optional(),
  clusters: further(kafkaConnectionSchema, 'the option `kafka`'),
  postgres: postgresConnectionSchema.optional(),
  databases: further(postgresConnectionSchema, 'the option `postgres`'),
  s3: s3ConnectionSchema.optional(),
  http: z.record(z.string().min(1), httpConnectionSchema).optional(),
  temporal: further(
    z.custom<Client>(isClient, 'must be a Client of @temporalio/client'),
    "the worker's own client: give this one another",
  ),
  taskQueue: z.string().min(1).optional(),
  maxTasks: z.number().int().min(1).optional(),
  prefetch: z
    .custom<Bytes>((value) => (parseBytes(value) ?? 0) > 0, "a size above zero, as '64 MiB' or 67108864")
    .optional(),
  heartbeatTimeout: atLeast(1_000).optional(),
  idleInterval: atLeast(1_000).optional(),
  discoveryInterval: atLeast(1_000).optional(),
})

/** Throws `InvalidCommand` that names every fault, and never a value: there are secrets among them. */
export function settingsFrom(options: TidemarkPluginOptions): PluginSettings {
  const parsed = schema.safeParse(options)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`)
    throw new InvalidCommand({ command: 'new TidemarkPlugin', reason: faults.join('; ') })
  }
  const pipelines = new Map<string, Blueprint>()
  for (const pipeline of options.pipelines) {
    const blueprint = blueprintOf(pipeline)
    if (pipelines.has(blueprint.name)) {
      throw new InvalidCommand({ command: 'new TidemarkPlugin', reason: `two pipelines are named '${blueprint.name}'` })
    }
    pipelines.set(blueprint.name, blueprint)
  }
  return {
    pipelines,
    taskQueue: options.taskQueue ?? DEFAULT_TASK_QUEUE,
    maxTasks: options.maxTasks ?? 200,
    prefetchBytes: parseBytes(options.prefetch ?? '64 MiB') ?? 0,
    heartbeatMs: parseDuration(options.heartbeatTimeout ?? '6s') ?? 0,
    idleMs: parseDuration(options.idleInterval ?? '1m') ?? 0,
    discoveryMs: parseDuration(options.discoveryInterval ?? '30s') ?? 0,
    connection: (kind, name) => connectionIn(options, kind, name),
  }
}

function connectionIn(options: TidemarkPluginOptions, kind: string, name: string): unknown {
  const { one, named } = CONNECTIONS[kind] ?? {}
  const isOne = one !== undefined && name === 'default'
  const found = isOne ? options[one] : named === undefined ? undefined : options[named]?.[name]
  if (found !== undefined) return found
  const option = isOne ? one : named === undefined ? undefined : `${named}.${name}`
  const remedy = option === undefined ? '' : `: give TidemarkPlugin the option '${option}'`
  throw new InvalidCommand({ command: 'connect', reason: `this worker has no ${kind} connection '${name}'${remedy}` })
}

interface ConnectionOptionsOfKind {
  /** The one that is called 'default'. */
  readonly one?: 'kafka' | 'postgres' | 's3'
  readonly named?: 'clusters' | 'databases' | 'http' | 'temporal'
}

const CONNECTIONS: Readonly<Record<string, ConnectionOptionsOfKind>> = {
  kafka: { one: 'kafka', named: 'clusters' },
  postgres: { one: 'postgres', named: 'databases' },
  s3: { one: 's3' },
  http: { named: 'http' },
  temporal: { named: 'temporal' },
}

function isPipeline(value: unknown): boolean {
  try {
    blueprintOf(value as Pipeline)
    return true
  } catch {
    return false
  }
}
