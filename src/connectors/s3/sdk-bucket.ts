import { setTimeout as sleep } from 'node:timers/promises'
import type * as SdkModule from '@aws-sdk/client-s3'
import { parseDuration } from '../../units.js'
import { BucketFailure, type Bucket } from './bucket.js'
import type { S3Connection } from './s3-connection.js'

type Sdk = typeof SdkModule

/** A client that is set up. */
export interface Reach {
  readonly sdk: Sdk
  readonly client: SdkModule.S3Client
  readonly timeoutMs: number
}

/** One client per connection of a process: 200 tasks share its sockets and its credentials. */
const reached = new WeakMap<S3Connection, Promise<Reach>>()

/** The bucket, by the AWS SDK. It is loaded here and not before: a definition can be imported without it. */
export async function sdkBucket(connection: S3Connection, name: string): Promise<Bucket> {
  return bucketOf(await reachS3(connection), name)
}

export async function reachS3(connection: S3Connection): Promise<Reach> {
  let reaching = reached.get(connection)
  if (reaching === undefined) {
    reaching = reach(connection)
    reached.set(connection, reaching)
  }
  return await reaching
}

async function reach(connection: S3Connection): Promise<Reach> {
  const { endpoint, region, forcePathStyle, credentials, requestTimeout = '30s' } = connection
  const sdk = await loadSdk()
  const place = region ?? (endpoint === undefined ? undefined : 'us-east-1')
  const client = new sdk.S3Client({
    ...(endpoint !== undefined && { endpoint }),
    ...(place !== undefined && { region: place }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
    // A copy: the SDK writes into what it is given.
    ...(credentials !== undefined && {
      credentials: typeof credentials === 'function' ? credentials : { ...credentials },
    }),
    requestHandler: { connectionTimeout: 5_000 },
  })
  return { sdk, client, timeoutMs: parseDuration(requestTimeout) ?? 30_000 }
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-s3')
  } catch {
    throw new BucketFailure(NO_SDK, null, 'the package @aws-sdk/client-s3 cannot be loaded: install it beside tidemark')
  }
}

export const NO_SDK = 'NoSdk'

/** How often a create that meets another one in flight (409) is tried again, and how long to wait at most, in ms. */
const CONFLICTS = 12
const CONFLICT_MS = 100

function bucketOf({ sdk, client, timeoutMs }: Reach, Bucket: string): Bucket {
  // Made anew for each request: it runs from the start.
  const inTime = () => ({ abortSignal: AbortSignal.timeout(timeoutMs) })
  return {
    async create(Key, text) {
      const input = { Bucket, Key, Body: text, ContentType: 'application/json', IfNoneMatch: '*' }
      for (let attempt = 1; ; attempt++) {
        try {
          await client.send(new sdk.PutObjectCommand(input), inTime())
          return true
        } catch (error) {
          const failure = failureOf(error)
          if (failure.status === 412) return false
          if (failure.status !== 409 || attempt === CONFLICTS) throw failure
          await sleep(Math.random() * CONFLICT_MS)
        }
      }
    },

    async put(Key, Body) {
      await told(client.send(new sdk.PutObjectCommand({ Bucket, Key, Body }), inTime()))
    },

    async read(Key) {
      try {
        const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key }), inTime())
        return (await Body?.transformToString('utf8')) ?? ''
      } catch (error) {
        const failure = failureOf(error)
        if (failure.code === 'NoSuchKey') return null
        throw failure
      }
    },

    async list(Prefix, { limit, after } = {}) {
      const input = {
        Bucket,
        Prefix,
        ...(limit !== undefined && { MaxKeys: limit }),
        ...(after !== undefined && { StartAfter: after }),
      }
      const { Contents = [] } = await told(client.send(new sdk.ListObjectsV2Command(input), inTime()))
      return Contents.flatMap(({ Key }) => Key ?? [])
    },

    async remove(Key) {
      await told(client.send(new sdk.DeleteObjectCommand({ Bucket, Key }), inTime()))
    },
  }
}

/** Rejects with `BucketFailure`. */
export async function told<R>(request: Promise<R>): Promise<R> {
  try {
    return await request
  } catch (error) {
    throw failureOf(error)
  }
}

interface SdkError extends Error {
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** Not the SDK's error itself: some carry the request, and with it what it was signed with. */
function failureOf(error: unknown): BucketFailure {
  const { name, code, message, $metadata } = error as SdkError
  const called = typeof code === 'string' && code !== '' ? code : name
  return new BucketFailure(called, $metadata?.httpStatusCode ?? null, message)
}
