import { z } from 'zod'
import { type Duration, parseDuration } from '../../units.js'

/** How a worker reaches one Kafka cluster: the plugin options `kafka` and `clusters`. */
export interface KafkaConnection {
  /** `host:port` of some brokers, at least one; the others are found through them. */
  readonly brokers: readonly string[]
  /** What brokers see in logs and quotas. Default: `tidemark`. */
  readonly clientId?: string
  /** True, or options of Node's `tls.connect` (`ca`, `cert`, `key`, …). Default: no TLS. */
  readonly ssl?: boolean | object
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
  /** How long to wait for a connection, in ms or with a unit. Default: 10 s. */
  readonly connectionTimeout?: Duration
}

const duration = z.custom<Duration>((value) => {
  const ms = parseDuration(value)
  return ms !== null && ms > 0
}, 'must be a duration above zero, as 5000 (ms) or "5s"')

/** Checks a `KafkaConnection`. Its messages never quote a value: there are secrets among them. */
export const kafkaConnectionSchema: z.ZodType<KafkaConnection> = z.strictObject({
  brokers: z.array(z.string().regex(/^[^\s:/]+:\d{1,5}$/, 'must be host:port')).min(1, 'must name at least one broker'),
  clientId: z.string().min(1).exactOptional(),
  ssl: z.union([z.boolean(), z.custom<object>(isPlainObject, 'must be true, false or TLS options')]).exactOptional(),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: z.string().min(1),
      password: z.string(),
    })
    .exactOptional(),
  connectionTimeout: duration.exactOptional(),
})

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Milliseconds to wait for a connection. */
export function connectionTimeoutMs({ connectionTimeout }: KafkaConnection): number {
  return parseDuration(connectionTimeout ?? '10s') ?? 10_000
}
