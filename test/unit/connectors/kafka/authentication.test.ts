import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KafkaConnection } from '../../../../src/connectors/kafka/kafka-connection.js'
import { kafkaSinkDefinition } from '../../../../src/connectors/kafka/sink/kafka-sink.js'
import { findJava } from '../../../../src/dev/java.js'
import { type GuardedKafka, startGuardedKafka } from '../../../setup/guarded-kafka.js'
import { createTopic } from '../../../setup/topics.js'
import { waitUntil } from '../../../setup/wait-until.js'
import { definitionOf, open, produce, readUntil } from './reading.js'
import { hold } from './sink/owning.js'

const PASSWORD = 'alice-keeps-this'

let directory: string
let kafka: GuardedKafka
let certificate: string

/** One broker: plain, where everybody may do everything; SASL, where access is by ACL; TLS with a certificate of its own. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-authentication-'))
  const keystore = join(directory, 'keystore.p12')
  const keytool = join(dirname(await findJava()), 'keytool')
  const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', 'changeit', '-alias', 'broker']
  const key = ['-keyalg', 'RSA', '-dname', 'CN=broker', '-ext', 'san=ip:127.0.0.1', '-validity', '2']
  await promisify(execFile)(keytool, ['-genkeypair', ...store, ...key])
  await promisify(execFile)(keytool, ['-exportcert', '-rfc', ...store, '-file', join(directory, 'broker.pem')])
  certificate = await readFile(join(directory, 'broker.pem'), 'utf8')

  kafka = await startGuardedKafka({
    directory,
    password: PASSWORD,
    tls: { 'ssl.keystore.location': keystore, 'ssl.keystore.password': 'changeit' },
  })
  await createTopic(kafka.brokers, 'flights', 1)
  await produce(kafka.brokers, 'flights', ['a'])
})

afterAll(async () => {
  await kafka?.server.stop()
  await rm(directory, { recursive: true, force: true })
})

const alice = (password = PASSWORD): Partial<KafkaConnection> => ({
  sasl: { mechanism: 'plain', username: 'alice', password },
})

async function read(address: string, connection: Partial<KafkaConnection>): Promise<string[]> {
  const reader = await open(definitionOf('flights'), { brokers: [address], connection })
  try {
    return await readUntil(reader, 1)
  } finally {
    await reader.close()
  }
}

/** Lets everything through, and counts connections. */
async function countingProxy(target: string): Promise<{ address: string; count: () => number; close: () => void }> {
  const [host = '', port] = target.split(':')
  let connections = 0
  const proxy = createServer((client) => {
    connections++
    const broker = connect(Number(port), host)
    client.pipe(broker).pipe(client)
    for (const socket of [client, broker]) socket.on('error', () => undefined)
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  const { port: own } = proxy.address() as AddressInfo
  return { address: `127.0.0.1:${own}`, count: () => connections, close: () => void proxy.close() }
}

describe('SASL', () => {
  test('a wrong password is refused at once, and not told', async () => {
    const tries = await countingProxy(kafka.sasl)
    const error: unknown = await read(tries.address, alice('alice-got-it-wrong')).catch((thrown: unknown) => thrown)
    tries.close()
    expect(error).toMatchObject({
      code: 'SourceUnauthorized',
      retryable: false,
      details: { topic: 'flights', partition: 0, operation: 'authenticate' },
    })
    expect(tries.count()).toBe(1)
    const { message, stack, details, cause } = error as Error & { details: unknown }
    expect(JSON.stringify([message, stack, details, String(cause)])).not.toContain('alice-got-it-wrong')
  })

  test('a mechanism that the broker doesn’t offer is refused', async () => {
    const wanted = { sasl: { mechanism: 'scram-sha-512', username: 'alice', password: PASSWORD } } as const
    await expect(read(kafka.sasl, wanted)).rejects.toMatchObject({
      code: 'SourceUnauthorized',
      details: { operation: 'authenticate' },
      message: expect.stringContaining('does not support the requested SASL mechanism'),
    })
  })

  test.each(['end', 'resetAndDestroy'] as const)(
    'a connection lost while authenticating (%s) is not taken for a refusal',
    async (how) => {
      const SASL_AUTHENTICATE = 36
      const proxy = createServer((client) => {
        const [host, port] = kafka.sasl.split(':')
        const broker = connect(Number(port), host ?? '')
        client.on('data', (request) => {
          if (request.readInt16BE(4) === SASL_AUTHENTICATE) client[how]()
          else broker.write(request)
        })
        broker.pipe(client)
        for (const socket of [client, broker]) socket.on('error', () => undefined)
        client.on('close', () => broker.destroy())
      })
      await once(proxy.listen(0, '127.0.0.1'), 'listening')
      try {
        const { port } = proxy.address() as AddressInfo
        await expect(read(`127.0.0.1:${port}`, alice())).rejects.toMatchObject({ code: 'SourceUnavailable' })
      } finally {
        proxy.close()
      }
    },
  )

  test('rights that are missing are named, one after the other', async () => {
    await expect(read(kafka.sasl, alice())).rejects.toMatchObject({
      code: 'SourceUnauthorized',
      message: expect.stringContaining('not allowed to describe topic flights: TOPIC_AUTHORIZATION_FAILED'),
    })
    await kafka.grant('DESCRIBE', 'flights')
    // Brokers learn of rights some time after they are granted.
    const failed = await waitUntil(async () => {
      const error: unknown = await read(kafka.sasl, alice()).catch((thrown: unknown) => thrown)
      return String(error).includes('describe topic') ? null : error
    })
    expect(failed).toMatchObject({ code: 'SourceUnauthorized', details: { operation: 'read topic flights' } })
    await kafka.grant('READ', 'flights')
    expect(await waitUntil(() => read(kafka.sasl, alice()))).toEqual(['0:a'])
  })
})

test('a sink’s rights that are missing are named, one after the other', { timeout: 400_000 }, async () => {
  await createTopic(kafka.brokers, 'invoices', 1)
  const connection = () => ({ brokers: [kafka.sasl], ...alice() })
  const at = { pipeline: 'bills', stage: 'main', partition: 0, ledgerKey: 'default/bills/main/0/k', connection }
  const sink = kafkaSinkDefinition<unknown>({ topic: 'invoices' })
  const write = async (): Promise<void> => {
    const holder = await hold({ sink, context: at })
    try {
      await holder.write({ value: 1 })
      await holder.commit()
    } finally {
      await holder.writer.close()
    }
  }
  const lacking = async (what: string): Promise<void> => {
    // Brokers learn of rights some time after they are granted.
    const failed = await waitUntil(async () => {
      const error = await write().then(
        () => 'nothing',
        (thrown: unknown) => thrown,
      )
      return String(error).includes(`not allowed to ${what} `) ? error : null
    })
    expect(failed).toMatchObject({
      code: 'SinkUnauthorized',
      retryable: false,
      details: { pipeline: 'bills', target: 'Kafka cluster default' },
    })
  }
  const ledgers = 'tidemark.default.ledgers'
  await lacking(`describe topic ${ledgers}`)
  await kafka.grant('DESCRIBE', ledgers)
  await lacking(`create topic ${ledgers}`)
  await kafka.grant('CREATE', ledgers)
  await lacking('find the coordinator of group tidemark.default.bills.main')
  await kafka.grant('READ', 'tidemark.*', 'GROUP')
  await lacking('find the coordinator of transaction tidemark/default/bills/main/0/k')
  await kafka.grant('DESCRIBE', 'tidemark/*', 'TRANSACTIONAL_ID')
  await lacking('use transactional id tidemark/default/bills/main/0/k')
  await kafka.grant('WRITE', 'tidemark/*', 'TRANSACTIONAL_ID')
  await lacking(`commit offsets of group tidemark.default.bills.main and topic ${ledgers}`)
  await kafka.grant('READ', ledgers)
  await lacking('describe topic invoices')
  await kafka.grant('DESCRIBE', 'invoices')
  await lacking('write to invoices')
  await kafka.grant('WRITE', 'invoices')
  await waitUntil(() => write().then(() => true))
})

describe('TLS', () => {
  test('a broker is read whose certificate is trusted', async () => {
    expect(await read(kafka.tls, { ssl: { ca: [certificate] } })).toEqual(['0:a'])
  })

  test('one whose certificate isn’t is refused', async () => {
    await expect(read(kafka.tls, { ssl: true })).rejects.toMatchObject({
      code: 'SourceUnauthorized',
      details: { operation: 'connect over TLS' },
      message: expect.stringContaining('self-signed certificate'),
    })
  })
})
