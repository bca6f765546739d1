import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { type Cluster, Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { connectionTimeoutMs, type KafkaConnection } from './kafka-connection.js'
import type { KafkaRequest, Throttled } from './protocol/request.js'
import { WireReader } from './protocol/wire-reader.js'

/** Milliseconds a broker may take for an answer, beyond what it was told to wait. */
const ANSWER_MS = 15_000

/** One connection to one broker. It answers one request after the other, a long poll included. */
export interface BrokerLink {
  /** `host:port` */
  readonly address: string
  /** What the broker offers, by api key. */
  readonly versions: ApiVersions
  /** `holdMs`: how long the broker may hold the request on purpose. Rejects when the connection is lost or destroyed. */
  send<Answer extends Throttled>(request: KafkaRequest<Answer>, holdMs?: number): Promise<Answer>
  /** Ends the connection now; what is under way rejects. */
  destroy(): void
}

export type ApiVersions = Readonly<
  Record<number, { readonly minVersion: number; readonly maxVersion: number } | undefined>
>

/**
 * Connects to the broker at `address`, over TLS and SASL as told. kafkajs does framing, authentication and its renewal;
 * nothing else of it is used, and its log goes nowhere. Rejects with kafkajs's errors. `signal` ends the connection, at any time.
 */
export async function openBrokerLink(
  connection: KafkaConnection,
  address: string,
  signal: AbortSignal,
): Promise<BrokerLink> {
  signal.throwIfAborted()
  const sockets = new Set<Socket>()
  const cluster = clusterOf(connection, address, sockets)
  const destroy = (): void => {
    signal.removeEventListener('abort', destroy)
    // With an error, since kafkajs doesn't listen to 'close': it would wait for its time-out.
    for (const socket of sockets) socket.destroy(new Error('the connection was ended on this side'))
    cluster.disconnect().catch(() => undefined)
  }
  signal.addEventListener('abort', destroy)
  try {
    await cluster.connect()
    signal.throwIfAborted()
    const { versions, connectionPool } = seedBrokerOf(cluster)
    return { address, versions, destroy, send: (request, holdMs = 0) => send(connectionPool, request, holdMs) }
  } catch (error) {
    destroy()
    signal.throwIfAborted()
    throw error
  }
}

/** An assigner factory is handed the cluster when its consumer is made: kafkajs's public way to one. No group comes of it. */
function clusterOf(connection: KafkaConnection, address: string, sockets: Set<Socket>): Cluster {
  let found: Cluster | undefined
  new Kafka(configOf(connection, address, sockets)).consumer({
    groupId: 'unused',
    partitionAssigners: [
      ({ cluster }) => {
        found = cluster
        const protocol = () => ({ name: 'unused', metadata: Buffer.alloc(0) })
        return { name: 'unused', version: 0, assign: () => Promise.resolve([]), protocol }
      },
    ],
  })
  if (found === undefined) throw new TypeError('kafkajs hands its cluster to no assigner factory any more')
  return found
}

type SocketFactory = (to: { host: string; port: number; ssl?: ConnectionOptions; onConnect: () => void }) => Socket

function configOf(connection: KafkaConnection, address: string, sockets: Set<Socket>) {
  const socketFactory: SocketFactory = ({ host, port, ssl, onConnect }) => {
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect)
    sockets.add(socket)
    return socket
      .setKeepAlive(true, 60_000)
      .setNoDelay(true)
      .once('close', () => sockets.delete(socket))
  }
  return {
    brokers: [address],
    clientId: connection.clientId ?? 'tidemark',
    ...(connection.ssl === undefined ? {} : { ssl: connection.ssl }),
    ...(connection.sasl === undefined ? {} : { sasl: { ...connection.sasl } as SASLOptions }), // a copy: kafkajs writes to it
    connectionTimeout: connectionTimeoutMs(connection),
    requestTimeout: ANSWER_MS,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
    logCreator: () => () => undefined,
    socketFactory,
  }
}

/** The part of kafkajs that it doesn't declare; a contract test watches it. */
interface SeedBroker {
  readonly versions: ApiVersions
  readonly connectionPool: ConnectionPool
}
interface ConnectionPool {
  getConnection(): Promise<{ send<T>(call: RawCall<T>): Promise<T> }>
}
interface RawCall<T> {
  readonly request: {
    readonly apiName: string
    readonly apiKey: number
    readonly apiVersion: number
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>
  }
  readonly response: {
    readonly decode: (payload: Buffer) => Promise<T & { readonly clientSideThrottleTime: number }>
    readonly parse: (decoded: T) => Promise<T>
  }
  readonly requestTimeout: number
}

function seedBrokerOf(cluster: Cluster): SeedBroker {
  const broker = (cluster as { readonly brokerPool?: { readonly seedBroker?: SeedBroker } }).brokerPool?.seedBroker
  if (broker === undefined) throw new TypeError('kafkajs has no brokerPool.seedBroker any more')
  return broker
}

async function send<Answer extends Throttled>(
  pool: ConnectionPool,
  { api, body, read }: KafkaRequest<Answer>,
  holdMs: number,
): Promise<Answer> {
  const connection = await pool.getConnection()
  // kafkajs writes and reads headers without tagged fields, so those of flexible versions count as body here.
  const payload = api.flexible ? Buffer.concat([noTags, body]) : body
  return await connection.send({
    request: {
      apiName: api.name,
      apiKey: api.key,
      apiVersion: api.version,
      encode: () => Promise.resolve({ buf: payload, buffer: payload }),
    },
    response: {
      decode: async (answer) => {
        const decoded = read(api.flexible ? afterHeaderTags(answer) : answer)
        return { ...decoded, clientSideThrottleTime: decoded.throttleMs }
      },
      parse: (decoded) => Promise.resolve(decoded),
    },
    requestTimeout: holdMs + ANSWER_MS,
  })
}

const noTags = Buffer.from([0])

function afterHeaderTags(answer: Buffer): Buffer {
  const reader = new WireReader(answer)
  reader.skipTags()
  return reader.rest()
}
