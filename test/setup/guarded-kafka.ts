import kafkajs from 'kafkajs'
import { type KafkaServer, startKafka } from '../../src/dev/kafka-server.js'
import { freePort } from '../../src/dev/ports.js'

export interface GuardedKafkaOptions {
  /** Keeps the broker's data in `kafka/data` below it. */
  readonly directory: string
  /** Of the user `alice`. */
  readonly password: string
  /** Settings of a TLS listener: `ssl.keystore.location` and so on. Default: there is none. */
  readonly tls?: Readonly<Record<string, string>>
}

export type Operation = 'DESCRIBE' | 'READ' | 'WRITE' | 'CREATE'
export type Resource = 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID'

/** A broker of a test's own, with one listener where everybody may do everything, and one where `alice` may do what she is granted. */
export interface GuardedKafka {
  readonly server: KafkaServer
  /** Plain; whoever comes here is a super user. */
  readonly brokers: readonly string[]
  /** `host:port` of SASL/PLAIN, where access is by ACL. */
  readonly sasl: string
  /** `host:port`; '' where `tls` was not given. */
  readonly tls: string
  /** To alice. A name that ends with `*` is a prefix. */
  readonly grant: (operation: Operation, name: string, resource?: Resource) => Promise<void>
}

export async function startGuardedKafka({ directory, password, tls }: GuardedKafkaOptions): Promise<GuardedKafka> {
  const [port, controllerPort, saslPort, tlsPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const sasl = `127.0.0.1:${saslPort}`
  const tlsAt = tls === undefined ? '' : `127.0.0.1:${tlsPort}`
  const listeners = [
    `PLAINTEXT://127.0.0.1:${port}`,
    `SASL_PLAINTEXT://${sasl}`,
    ...(tls === undefined ? [] : [`SSL://${tlsAt}`]),
  ].join(',')
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const server = await startKafka({
    port,
    dataDirectory: directory,
    brokerConfig: {
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      listeners: `${listeners},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': listeners,
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${login} required user_alice="${password}";`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      ...tls,
    },
  })
  const client = new kafkajs.Kafka({
    brokers: [...server.brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  return {
    server,
    brokers: server.brokers,
    sasl,
    tls: tlsAt,
    async grant(operation, name, resource = 'TOPIC') {
      const isPrefix = name.endsWith('*')
      const admin = client.admin()
      await admin.connect()
      try {
        await admin.createAcls({
          acl: [
            {
              resourceType: kafkajs.AclResourceTypes[resource],
              resourceName: isPrefix ? name.slice(0, -1) : name,
              resourcePatternType: kafkajs.ResourcePatternTypes[isPrefix ? 'PREFIXED' : 'LITERAL'],
              principal: 'User:alice',
              host: '*',
              operation: kafkajs.AclOperationTypes[operation],
              permissionType: kafkajs.AclPermissionTypes.ALLOW,
            },
          ],
        })
      } finally {
        await admin.disconnect()
      }
    },
  }
}
