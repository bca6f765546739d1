import { Client, Connection } from '@temporalio/client'
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig'
import type { Command } from 'commander'
import { PipelineClient } from '../client/pipeline-client.js'
import { reasonOf } from '../errors/base.js'
import { CommandFailure, EXIT } from './failure.js'
import type { Terminal } from './terminal.js'

/** What may be said of the server on the command line, over environment and profile. */
export interface ConnectionFlags {
  readonly address?: string
  readonly namespace?: string
  readonly profile?: string
  readonly apiKey?: string
  readonly tls?: true
}

const CONNECT_MS = 5_000

export function withConnection(command: Command): Command {
  return command
    .option('--address <host:port>', 'Temporal server (TEMPORAL_ADDRESS)')
    .option('--namespace <name>', 'Temporal namespace (TEMPORAL_NAMESPACE)')
    .option('--profile <name>', 'profile of temporal.toml (TEMPORAL_PROFILE)')
    .option('--api-key <key>', 'better kept in TEMPORAL_API_KEY: others can see command lines')
    .option('--tls', 'use TLS; certificates: TEMPORAL_TLS_… (TEMPORAL_TLS)')
}

/** Settings as every Temporal tool finds them: flags over TEMPORAL_* over temporal.toml. */
export function connectConfig(flags: ConnectionFlags, env: Terminal['env']): ClientConnectConfig {
  const variables = {
    ...env,
    ...(flags.address !== undefined && { TEMPORAL_ADDRESS: flags.address }),
    ...(flags.namespace !== undefined && { TEMPORAL_NAMESPACE: flags.namespace }),
    ...(flags.apiKey !== undefined && { TEMPORAL_API_KEY: flags.apiKey }),
    ...(flags.tls !== undefined && { TEMPORAL_TLS: 'true' }),
  }
  const set = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined)
  try {
    return loadClientConnectConfig({
      overrideEnvVars: Object.fromEntries(set),
      ...(flags.profile !== undefined && { profile: flags.profile }),
    })
  } catch (error) {
    const next = 'correct temporal.toml or the TEMPORAL_* variables'
    throw new CommandFailure(`connection settings: ${reasonOf(error)}`, next, { exitCode: EXIT.usage, cause: error })
  }
}

export interface Connected {
  readonly client: Client
  readonly pipelines: PipelineClient
  readonly config: ClientConnectConfig
  /** `host:port`. */
  readonly address: string
  readonly namespace: string
}

/** Does `work` with a client, and closes the connection after it. Fails within 5 s where no server answers. */
export async function connected<T>(
  flags: ConnectionFlags,
  terminal: Terminal,
  work: (connected: Connected) => Promise<T>,
): Promise<T> {
  const config = connectConfig(flags, terminal.env)
  const address = config.connectionOptions.address ?? 'localhost:7233'
  const namespace = config.namespace ?? 'default'
  const connection = await connectTo(config, address)
  try {
    const client = new Client({ connection, namespace })
    return await work({ client, pipelines: new PipelineClient(client), config, address, namespace })
  } finally {
    await connection.close()
  }
}

async function connectTo({ connectionOptions }: ClientConnectConfig, address: string): Promise<Connection> {
  const { apiKey, tls, metadata } = connectionOptions
  try {
    return await Connection.connect({
      address,
      connectTimeout: CONNECT_MS,
      ...(apiKey !== undefined && { apiKey }),
      ...(tls !== undefined && { tls }),
      ...(metadata !== undefined && { metadata }),
    })
  } catch (error) {
    const next = 'start one with tidemark dev, or give its address: --address, TEMPORAL_ADDRESS or a profile'
    throw new CommandFailure(`no Temporal server answers at ${address}: ${reasonOf(error)}`, next, { cause: error })
  }
}
