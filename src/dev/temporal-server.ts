import { join } from 'node:path'

import { Connection } from '@temporalio/client'

import { StackUnavailable } from '../errors/stack.js'
import { reasonOf } from '../errors/base.js'
import { freePort } from './ports.js'
import type { OnProgress } from './progress.js'
import { dataPlace, foreignServer, startServerProcess, type ServerControl } from './server-process.js'
import { temporalBinary } from './temporal-binary.js'
import { untilServing } from './until-serving.js'

export type SearchAttributeKind = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList'

export interface TemporalOptions {
  /** `host:port` of a server that runs already; then nothing is started. */
  readonly address?: string | undefined
  /** Default `default`; created if it is ours. */
  readonly namespace?: string | undefined
  /** Default: a free one. */
  readonly port?: number | undefined
  /** Whether to serve the Web UI. Default: only if `uiPort` is given. */
  readonly ui?: boolean | undefined
  /** Default: a free one. */
  readonly uiPort?: number | undefined
  /** Keeps the database in `temporal/` below it. Default: a temporary directory that goes with the server. */
  readonly dataDirectory?: string | undefined
  /** Added to the server's dynamic configuration: key → JSON value, for example `{ 'limit.historySize.error': 1000000 }`. */
  readonly dynamicConfig?: Readonly<Record<string, unknown>> | undefined
  /** Custom search attributes to register. */
  readonly searchAttributes?: Readonly<Record<string, SearchAttributeKind>> | undefined
  readonly onProgress?: OnProgress | undefined
}

export interface TemporalServer extends ServerControl {
  readonly address: string
  /** `http://host:port` of the Web UI; null where none is served by us. */
  readonly uiAddress: string | null
  readonly namespace: string
}

const HOST = '127.0.0.1'

/** Starts a Temporal development server, or checks the given one. Throws `StackUnavailable`. */
export async function startTemporal(options: TemporalOptions = {}): Promise<TemporalServer> {
  const namespace = options.namespace ?? 'default'
  if (options.address !== undefined) return givenTemporal(options.address, namespace)

  const binary = await temporalBinary(options.onProgress)
  const port = options.port ?? (await freePort())
  const uiPort = options.uiPort ?? (options.ui ? await freePort() : null)
  const place = await dataPlace('temporal', options.dataDirectory)
  const address = `${HOST}:${port}`
  const control = await startServerProcess({
    name: 'Temporal',
    command: binary,
    args: [
      'server',
      'start-dev',
      `--ip=${HOST}`,
      `--port=${port}`,
      `--namespace=${namespace}`,
      uiPort === null ? '--headless' : `--ui-port=${uiPort}`,
      // Always a file: without one nothing would be there after a restart.
      `--db-filename=${join(place.directory, 'temporal.db')}`,
      // Nothing here must survive the machine; a killed process loses nothing by it.
      '--sqlite-pragma=synchronous=OFF',
      '--sqlite-pragma=journal_mode=WAL',
      '--log-level=warn',
      '--log-format=text',
      ...Object.entries({ 'system.enableActivityEagerExecution': true, ...options.dynamicConfig }).map(
        ([key, value]) => `--dynamic-config-value=${key}=${JSON.stringify(value)}`,
      ),
      ...Object.entries(options.searchAttributes ?? {}).map(([name, kind]) => `--search-attribute=${name}=${kind}`),
    ],
    ports: uiPort === null ? [port] : [port, uiPort],
    place,
    probe: () => probeTemporal(address, namespace),
  })
  options.onProgress?.(`Temporal serves at ${address}`)
  const uiAddress = uiPort === null ? null : `http://${HOST}:${uiPort}`
  return { ...control, address, uiAddress, namespace }
}

async function givenTemporal(address: string, namespace: string): Promise<TemporalServer> {
  try {
    await untilServing({ name: 'Temporal', probe: () => probeTemporal(address, namespace), timeoutMs: 5_000 })
  } catch (error) {
    const tried = [{ what: `the given address ${address}, namespace ${namespace}`, why: reasonOf(error) }]
    const install = ['correct the address or namespace', 'give no address: a server is then started here']
    throw new StackUnavailable({ server: 'Temporal', tried, install }, error)
  }
  return { ...foreignServer('Temporal'), address, uiAddress: null, namespace }
}

/** Whether it answers and the namespace is there. */
async function probeTemporal(address: string, namespace: string): Promise<void> {
  // Not `connect`: one that fails would try on for ever, with nobody to close it.
  const connection = Connection.lazy({ address, connectTimeout: '2s' })
  try {
    await connection.ensureConnected()
    await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.describeNamespace({ namespace }))
  } finally {
    await connection.close()
  }
}
