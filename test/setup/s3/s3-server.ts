import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'

import { freePort } from '../../../src/dev/ports.js'
import { dataPlace, startServerProcess, type ServerControl } from '../../../src/dev/server-process.js'
import { uniqueName } from '../unique-name.js'
import { gatewayBinary } from './gateway.js'

/** What the server lets in. */
export const CREDENTIALS = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' }

export interface S3Server extends ServerControl {
  readonly endpoint: string
  /** What the plugin option `s3` has to be. */
  readonly connection: {
    readonly endpoint: string
    readonly region: string
    readonly forcePathStyle: true
    readonly credentials: typeof CREDENTIALS
  }
  /** Of the AWS SDK, without any code of the library. */
  readonly client: S3Client
  /** A new bucket. */
  makeBucket(): Promise<string>
}

/** Starts an S3 server of a test's own, with its data in a temporary directory. It ends with its starter at the latest. */
export async function startS3(): Promise<S3Server> {
  const binary = await gatewayBinary()
  const port = await freePort()
  const place = await dataPlace('s3', undefined)
  const data = join(place.directory, 'data')
  const sidecar = join(place.directory, 'meta')
  await Promise.all([mkdir(data), mkdir(sidecar)])
  const address = `127.0.0.1:${port}`
  const endpoint = `http://${address}`
  const connection = { endpoint, region: 'us-east-1', forcePathStyle: true, credentials: CREDENTIALS } as const
  const client = new S3Client({
    ...connection,
    credentials: { ...CREDENTIALS },
    // A connection is there at once, but this process may be late to see it.
    requestHandler: { connectionTimeout: 10_000 },
  })
  const control = await startServerProcess({
    name: 'S3',
    command: binary,
    // Beside the objects, not in attributes of their files: not every file system has these.
    args: ['--port', address, '--quiet', '--keep-alive', 'posix', '--sidecar', sidecar, data],
    env: { ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey },
    ports: [port],
    place,
    probe: async () => {
      await client.send(new ListBucketsCommand({}), { abortSignal: AbortSignal.timeout(2_000) })
    },
  })
  return {
    ...control,
    endpoint,
    connection,
    client,
    async makeBucket() {
      const Bucket = uniqueName('test')
      await client.send(new CreateBucketCommand({ Bucket }))
      return Bucket
    },
    async stop() {
      client.destroy()
      await control.stop()
    },
  }
}
