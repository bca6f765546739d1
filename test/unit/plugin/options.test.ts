import { Client, Connection } from '@temporalio/client'
import { describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { InvalidCommand } from '../../../src/errors/control.js'
import { settingsFrom, type TidemarkPluginOptions } from '../../../src/plugin/options.js'
import { BreakableSink } from '../engine/breakable-sink.js'
import { LogSource } from '../engine/log-source.js'

const pipeline = (name: string) =>
  definePipeline({
    name,
    sources: { numbers: new LogSource().source() },
    steps: ({ numbers }) => numbers.to('out', new BreakableSink('out').sink<number>()),
  })

const kafka = { brokers: ['localhost:9092'] }
const settings = (more: Partial<TidemarkPluginOptions> = {}) =>
  settingsFrom({ pipelines: [pipeline('delays')], ...more })

/** What is said against options of any shape. */
function faultsOf(options: unknown): string {
  try {
    settingsFrom(options as TidemarkPluginOptions)
  } catch (error) {
    if (error instanceof InvalidCommand) return error.message
    throw error
  }
  return 'nothing'
}

describe('the plugin goes by', () => {
  test('its defaults', () => {
    const { pipelines, connection, ...rest } = settings()
    expect(rest).toEqual({
      taskQueue: 'tidemark',
      maxTasks: 200,
      prefetchBytes: 64 * 1024 * 1024,
      heartbeatMs: 6_000,
      idleMs: 60_000,
      discoveryMs: 30_000,
    })
    expect([...pipelines.keys()]).toEqual(['delays'])
    expect(connection).toBeTypeOf('function')
  })

  test('what it is given, in ms and bytes', () => {
    const { pipelines, connection, ...rest } = settings({
      pipelines: [pipeline('delays'), pipeline('cancellations')],
      taskQueue: 'streams',
      maxTasks: 3,
      prefetch: '8 MiB',
      heartbeatTimeout: '2s',
      idleInterval: 5_000,
      discoveryInterval: '1 minute',
    })
    expect(rest).toEqual({
      taskQueue: 'streams',
      maxTasks: 3,
      prefetchBytes: 8 * 1024 * 1024,
      heartbeatMs: 2_000,
      idleMs: 5_000,
      discoveryMs: 60_000,
    })
    expect(pipelines.get('cancellations')?.name).toBe('cancellations')
    expect(connection).toBeTypeOf('function')
  })
})

describe('connections', () => {
  test('are found by kind and name', () => {
    const other = { brokers: ['other:9092'] }
    const { connection } = settings({ kafka, clusters: { other } })
    expect(connection('kafka', 'default')).toEqual(kafka)
    expect(connection('kafka', 'other')).toEqual(other)
  })

  test('to S3 are as given, also where the AWS SDK gave the credentials', () => {
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b', $source: { CREDENTIALS_CODE: 'e' } }
    const s3 = { endpoint: 'http://localhost:9000', region: 'eu-1', forcePathStyle: true, credentials }
    expect(settings({ s3 }).connection('s3', 'default')).toBe(s3)
    expect(settings({ s3: {} }).connection('s3', 'default')).toEqual({})
    const provided = { credentials: () => Promise.resolve(credentials), requestTimeout: '5s' } as const
    expect(settings({ s3: provided }).connection('s3', 'default')).toBe(provided)
    expect(() => settings().connection('s3', 'default')).toThrow("give TidemarkPlugin the option 's3'")
  })

  test('to Postgres are found by name too, always the same object', () => {
    const [postgres, analytics] = [{ connectionString: 'postgres://localhost/a' }, { host: 'analytics' }]
    const { connection } = settings({ postgres, databases: { analytics } })
    expect(connection('postgres', 'default')).toBe(postgres)
    expect(connection('postgres', 'analytics')).toBe(analytics)
    expect(() => connection('postgres', 'other')).toThrow("give TidemarkPlugin the option 'databases.other'")
    expect(() => settings().connection('postgres', 'default')).toThrow("give TidemarkPlugin the option 'postgres'")
    expect(() => connection('mysql', 'default')).toThrow("this worker has no mysql connection 'default'")
  })

  test('to Postgres that are wrong are refused without their secrets', () => {
    const told = faultsOf({ pipelines: [pipeline('a')], postgres: { connectionString: 'http://u:hidden@h/d' } })
    expect(told).toContain('postgres.connectionString: must be postgres://')
    expect(told).not.toContain('hidden')
  })

  test('are HTTP services and Temporal clients, too, each by its name', () => {
    const erp = { baseUrl: 'https://erp.example', headers: { authorization: 'Bearer x' } }
    const eu = new Client({ connection: Connection.lazy({ address: 'eu:7233' }) })
    const { connection } = settings({ http: { erp }, temporal: { eu } })
    expect(connection('http', 'erp')).toEqual(erp)
    expect(connection('temporal', 'eu')).toBe(eu)
    expect(() => connection('http', 'crm')).toThrow("the option 'http.crm'")
    expect(() => connection('temporal', 'us')).toThrow("the option 'temporal.us'")
  })

  test('that are missing name the option that is to be given', () => {
    const { connection } = settings()
    expect(() => connection('kafka', 'default')).toThrow(
      "no kafka connection 'default': give TidemarkPlugin the option 'kafka'",
    )
    expect(() => connection('kafka', 'eu')).toThrow("the option 'clusters.eu'")
    expect(() => connection('postgres', 'default')).toThrow(expect.objectContaining({ code: 'InvalidCommand' }))
  })
})

describe('wrong options', () => {
  test('are all told at once', () => {
    const faults = faultsOf({
      pipelines: ['delays', pipeline('delays')],
      taskQueue: '',
      maxTasks: 0,
      prefetch: '8 MB',
      heartbeatTimeout: '900ms',
      idleInterval: 'soon',
      discoveryInterval: -1,
      retries: 4,
    })
    for (const fault of [
      'pipelines.0: must be made by definePipeline',
      'taskQueue:',
      'maxTasks:',
      "prefetch: a size above zero, as '64 MiB'",
      'heartbeatTimeout: a duration of at least 1000 ms',
      'idleInterval: a duration',
      'discoveryInterval: a duration',
      'retries',
    ]) {
      expect(faults).toContain(fault)
    }
    expect(faults).not.toContain('pipelines.1')
  })

  test('are connections that nobody would ever ask for', () => {
    const client = new Client({ connection: Connection.lazy({ address: 'eu:7233' }) })
    const faults = faultsOf({
      pipelines: [pipeline('delays')],
      clusters: { default: kafka },
      databases: { default: { host: 'localhost' } },
      temporal: { default: client },
    })
    expect(faults).toContain("clusters: 'default' is the name of the option `kafka`")
    expect(faults).toContain("databases: 'default' is the name of the option `postgres`")
    expect(faults).toContain("temporal: 'default' is the name of the worker's own client")
  })

  test('are no options at all, no pipeline, and two of one name', () => {
    expect(faultsOf(undefined)).toContain('new TidemarkPlugin')
    expect(faultsOf({})).toContain('pipelines:')
    expect(faultsOf({ pipelines: [] })).toContain('pipelines:')
    expect(faultsOf({ pipelines: [pipeline('delays'), pipeline('delays')] })).toContain(
      "two pipelines are named 'delays'",
    )
  })

  test('never show a value: there are secrets among them', () => {
    const sasl = { mechanism: 'plain', username: 'me', password: 'hunter2', extra: 'hunter2' }
    const http = { erp: { headers: { authorization: 'hunter2\n' } }, crm: { baseUrl: 'https://me:hunter2@crm' } }
    const temporal = { eu: { apiKey: 'hunter2' } }
    const faults = faultsOf({ pipelines: [pipeline('delays')], kafka: { brokers: 'hunter2', sasl }, http, temporal })
    expect(faults).toContain('kafka.brokers')
    expect(faults).toContain('http.erp.headers.authorization: must be one line')
    expect(faults).toContain('http.crm.baseUrl: must be a URL')
    expect(faults).toContain('temporal.eu: must be a Client')
    expect(faults).not.toContain('hunter2')
    const s3 = {
      endpoint: 'http://me:hunter2@host',
      credentials: { accessKeyId: 'hunter2' },
      requestTimeout: 'hunter2',
    }
    const others = faultsOf({ pipelines: [pipeline('delays')], s3 })
    for (const path of ['s3.endpoint', 's3.credentials', 's3.requestTimeout']) expect(others).toContain(path)
    expect(others).not.toContain('hunter2')
  })
})
