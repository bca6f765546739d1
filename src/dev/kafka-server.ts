import { randomBytes } from 'node:crypto'
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import kafkajs from 'kafkajs'

import { reasonOf } from '../errors/base.js'
import { StackUnavailable } from '../errors/stack.js'
import { findJava } from './java.js'
import { kafkaJars } from './kafka-distribution.js'
import { freePort } from './ports.js'
import type { OnProgress } from './progress.js'
import { runLongCommand } from './run-command.js'
import { dataPlace, foreignServer, startServerProcess, type ServerControl } from './server-process.js'
import { untilServing } from './until-serving.js'

export interface KafkaOptions {
  /** `host:port` of brokers that run already; then nothing is started. */
  readonly brokers?: readonly string[] | undefined
  /** Default: a free one. */
  readonly port?: number | undefined
  /** Keeps logs and settings in `kafka/` below it. Default: a temporary directory that goes with the server. */
  readonly dataDirectory?: string | undefined
  /** Added to the broker's properties, or put in the place of ours. */
  readonly brokerConfig?: Readonly<Record<string, string>> | undefined
  /** A second listener for clients that are to come by another way, say through a proxy: `advertised` is the way's port. */
  readonly sideDoor?: { readonly port: number; readonly advertised: number } | undefined
  readonly onProgress?: OnProgress | undefined
}

export interface KafkaServer extends ServerControl {
  readonly brokers: readonly string[]
}

const HOST = '127.0.0.1'

/** Starts a single Kafka broker that is its own controller, or checks the given brokers. Throws `StackUnavailable`. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  if (options.brokers !== undefined) return givenKafka([...options.brokers])

  const java = await findJava().catch((error: unknown) => {
    const tried = [{ what: 'Java', why: reasonOf(error) }]
    throw new StackUnavailable({ server: 'Kafka', tried, install: ['install a JDK or JRE, 17 or later'] }, error)
  })
  const classPath = join(await kafkaJars(options.onProgress), '*')
  const port = options.port ?? (await freePort())
  const controllerPort = await freePort()
  const place = await dataPlace('kafka', options.dataDirectory)
  const properties = join(place.directory, 'server.properties')
  const logging = join(place.directory, 'log4j2.properties')
  const data = join(place.directory, 'data')
  await writeFile(
    properties,
    propertiesText({
      ...brokerProperties(port, controllerPort, data),
      ...(options.sideDoor && sideDoorProperties(port, controllerPort, options.sideDoor)),
      ...options.brokerConfig,
    }),
  )
  await writeFile(logging, propertiesText(LOGGING))
  const jvm = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', `-Dlog4j2.configurationFile=${logging}`, '-cp', classPath]
  if (!(await exists(join(data, 'meta.properties')))) {
    await runLongCommand({
      command: java,
      args: [
        ...jvm,
        '-XX:TieredStopAtLevel=1',
        'kafka.tools.StorageTool',
        'format',
        '--cluster-id',
        clusterId(),
        '--config',
        properties,
      ],
      timeoutMs: 60_000,
      doing: 'kafka.tools.StorageTool format',
    })
  }
  const brokers = [`${HOST}:${port}`]
  const control = await startServerProcess({
    name: 'Kafka',
    command: java,
    args: [...jvm, 'kafka.Kafka', properties],
    ports: [port, controllerPort, ...(options.sideDoor ? [options.sideDoor.port] : [])],
    place,
    probe: () => probeKafka(brokers),
  })
  options.onProgress?.(`Kafka serves at ${brokers.join(', ')}`)
  return { ...control, brokers }
}

async function givenKafka(brokers: string[]): Promise<KafkaServer> {
  try {
    await untilServing({ name: 'Kafka', probe: () => probeKafka(brokers), timeoutMs: 5_000 })
  } catch (error) {
    const tried = [{ what: `the given brokers ${brokers.join(', ')}`, why: reasonOf(error) }]
    const install = ['correct the addresses', 'give no brokers: one is then started here']
    throw new StackUnavailable({ server: 'Kafka', tried, install }, error)
  }
  return { ...foreignServer('Kafka'), brokers }
}

/** Whether a broker is registered and answers. */
async function probeKafka(brokers: string[]): Promise<void> {
  const client = { brokers, connectionTimeout: 2_000, requestTimeout: 2_000, retry: { retries: 0 } }
  const admin = new kafkajs.Kafka({ ...client, clientId: 'tidemark-dev', logLevel: kafkajs.logLevel.NOTHING }).admin()
  try {
    await admin.connect()
    const cluster = await admin.describeCluster()
    if (cluster.brokers.length === 0) throw new Error('no broker is registered yet')
  } finally {
    await admin.disconnect()
  }
}

function brokerProperties(port: number, controllerPort: number, data: string): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    'auto.create.topics.enable': 'false',
    // Records with old event times must not be deleted, nor ones with future event times refused.
    'log.retention.ms': '-1',
    'log.message.timestamp.after.max.ms': '9223372036854775807',
    // After a crash the controller refuses the broker until its old session has run out; the default is 9 s.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'group.initial.rebalance.delay.ms': '0',
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
  }
}

function sideDoorProperties(
  port: number,
  controllerPort: number,
  sideDoor: NonNullable<KafkaOptions['sideDoor']>,
): Record<string, string> {
  return {
    listeners: `PLAINTEXT://${HOST}:${port},SIDE://${HOST}:${sideDoor.port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port},SIDE://${HOST}:${sideDoor.advertised}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
  }
}

const LOGGING = {
  'appender.out.type': 'Console',
  'appender.out.name': 'out',
  'appender.out.layout.type': 'PatternLayout',
  'appender.out.layout.pattern': '%d %p %c: %m%n',
  'rootLogger.level': 'warn',
  'rootLogger.appenderRef.out.ref': 'out',
}

function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}

/** A Kafka cluster id: 16 random bytes in URL-safe base64, which must not begin like an option. */
function clusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
