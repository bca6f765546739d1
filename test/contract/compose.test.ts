/** What docker-compose.yml promises. There is no Docker where the tests run, so it is held to a schema. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

import { parseDockerfile } from '../setup/dockerfile.js'

const root = new URL('../../', import.meta.url)

/** A version in full: neither `latest` nor a tag that moves on with the next release. */
const Pinned = z.string().regex(/^[a-z0-9./-]+:\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?$/)
const Healthcheck = z.strictObject({
  test: z.tuple([z.enum(['CMD', 'CMD-SHELL'])], z.string()),
  interval: z.string(),
  timeout: z.string(),
  retries: z.number(),
  start_period: z.string().optional(),
})
const Environment = z.record(z.string(), z.string())
/** Published to this machine only: nothing here has a password worth the name. */
const LocalPort = z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)
const waitsFor = (...names: string[]) =>
  z.strictObject(
    Object.fromEntries(names.map((name) => [name, z.strictObject({ condition: z.literal('service_healthy') })])),
  )
const Server = z.strictObject({
  image: Pinned,
  environment: Environment,
  healthcheck: Healthcheck,
  configs: z.array(z.strictObject({ source: z.string(), target: z.string() })).optional(),
  ports: z.array(LocalPort).optional(),
  volumes: z.array(z.string()).optional(),
})

const Compose = z.strictObject({
  services: z.strictObject({
    postgres: Server,
    temporal: Server.extend({ depends_on: waitsFor('postgres') }),
    'temporal-ui': Server.extend({ depends_on: waitsFor('temporal') }),
    kafka: Server,
    topics: z.strictObject({ image: Pinned, command: z.array(z.string()), depends_on: waitsFor('kafka') }),
    // Neither `container_name` nor `ports`: each would allow but one of them.
    worker: z.strictObject({
      build: z.literal('.'),
      command: z.tuple([z.literal('worker'), z.string()], z.string()),
      environment: Environment,
      volumes: z.array(z.string()),
      depends_on: waitsFor('temporal', 'kafka').extend({
        topics: z.strictObject({ condition: z.literal('service_completed_successfully') }),
      }),
      stop_grace_period: z.string(),
      restart: z.literal('unless-stopped'),
    }),
  }),
  configs: z.record(z.string(), z.strictObject({ content: z.string() })),
  volumes: z.record(z.string(), z.strictObject({})),
})

const text = readFileSync(new URL('docker-compose.yml', root), 'utf8')
const compose = Compose.parse(parse(text, { strict: true, uniqueKeys: true }))
const { services } = compose

describe('docker-compose.yml', () => {
  it('has a worker that can be scaled', () => {
    const worker = { ...(parse(text) as { services: { worker: object } }).services.worker }
    for (const blocking of [{ container_name: 'worker' }, { ports: ['9464:9464'] }]) {
      const raw = parse(text) as { services: object }
      const broken = { ...raw, services: { ...raw.services, worker: { ...worker, ...blocking } } }
      expect(Compose.safeParse(broken).success).toBe(false)
    }
  })

  it('points everybody at the right ports of one another', () => {
    expect(services.worker.environment['TEMPORAL_ADDRESS']).toBe('temporal:7233')
    expect(services['temporal-ui'].environment['TEMPORAL_ADDRESS']).toBe('temporal:7233')
    expect(services.temporal.environment['POSTGRES_SEEDS']).toBe('postgres')
    const advertised = services.kafka.environment['KAFKA_ADVERTISED_LISTENERS']?.split(',') ?? []
    expect(advertised).toContain(`PLAINTEXT://${services.worker.environment['TIDEMARK_BROKERS']}`)
    for (const published of services.kafka.ports ?? []) {
      const [, host, container] = published.split(':')
      expect(advertised).toContain(`HOST://localhost:${host}`)
      expect(host).toBe(container)
    }
  })

  it('has Temporal keep its data in Postgres, with the same password on both sides', () => {
    const { postgres, temporal } = services
    expect(temporal.environment['DB']).toBe('postgres12')
    expect(temporal.environment['POSTGRES_USER']).toBe(postgres.environment['POSTGRES_USER'])
    expect(temporal.environment['POSTGRES_PWD']).toBe(postgres.environment['POSTGRES_PASSWORD'])
  })

  it('has a Kafka of one broker that can do transactions', () => {
    const { environment } = services.kafka
    expect(environment['KAFKA_PROCESS_ROLES']).toBe('broker,controller')
    expect(environment['KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR']).toBe('1')
    expect(environment['KAFKA_TRANSACTION_STATE_LOG_MIN_ISR']).toBe('1')
    expect(environment['KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR']).toBe('1')
    expect(Buffer.from(environment['CLUSTER_ID'] ?? '', 'base64url')).toHaveLength(16)
  })

  it('declares every volume and config that is used, and no other', () => {
    const all = Object.values(services)
    const volumes = all.flatMap((service) => ('volumes' in service ? (service.volumes ?? []) : []))
    expect(volumes.map((volume) => volume.replace(/:.*/, '')).toSorted()).toEqual(
      Object.keys(compose.volumes).toSorted(),
    )
    const configs = services.temporal.configs ?? []
    expect(configs.map(({ source }) => source)).toEqual(Object.keys(compose.configs))
    expect(configs[0]?.target).toBe(`/etc/temporal/${services.temporal.environment['DYNAMIC_CONFIG_FILE_PATH']}`)
    expect(parse(compose.configs['temporal-dynamic-config']?.content ?? '')).toEqual({
      'system.enableActivityEagerExecution': [{ value: true }],
    })
  })

  it('has workers of any number share what they write', () => {
    const dockerfile = parseDockerfile(readFileSync(new URL('Dockerfile', root), 'utf8'))
    const { instructions } = dockerfile.at(-1)!
    const copied = instructions.find(({ rest }) => rest.endsWith(' ./out'))
    // Docker gives a new volume the owner of what the image has there.
    expect(copied?.rest).toContain('--chown=node:node ')
    expect(services.worker.volumes).toEqual(['out:/app/out'])
  })

  it('makes the topic that the example reads', async () => {
    const [, module] = services.worker.command
    const source = await readFile(new URL(module.replace(/^dist\//, '').replace(/\.js$/, '.ts'), root), 'utf8')
    const [, topic] = /kafkaSource\(\{ topic: '([^']+)'/.exec(source) ?? []
    expect(services.topics.command).toContain(`--topic=${topic}`)
    expect(services.topics.command).toContain(`--bootstrap-server=${services.worker.environment['TIDEMARK_BROKERS']}`)
    expect(services.topics.image).toBe(services.kafka.image)
  })
})
