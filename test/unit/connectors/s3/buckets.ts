import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { Bucket } from '../../../../src/connectors/s3/bucket.js'
import { readCommitted } from '../../../../src/connectors/s3/read-committed.js'
import type { S3Server } from '../../../setup/s3/s3-server.js'
import { before } from '../stepped.js'

/** One sink's place on a real server. */
export interface Spot {
  readonly server: S3Server
  readonly bucket: string
  readonly prefix: string
}

/** What a reader sees that keeps to `readCommitted`: each line of those objects, in their order. */
export async function committedLines<T>({ server, bucket, prefix }: Spot): Promise<readonly T[]> {
  const lines: T[] = []
  for await (const { key } of readCommitted({ bucket, prefix, connection: server.connection })) {
    lines.push(...linesOf<T>(await textOf(server, bucket, key)))
  }
  return lines
}

/** What a reader sees that takes all that matches `*.jsonl`. */
export async function listedLines<T>(spot: Spot): Promise<readonly T[]> {
  const keys = (await keysOf(spot)).filter((key) => key.endsWith('.jsonl'))
  const texts = await Promise.all(keys.map((key) => textOf(spot.server, spot.bucket, key)))
  return texts.flatMap((text) => linesOf<T>(text))
}

/** All keys below the prefix, as the AWS SDK lists them. */
export async function keysOf({ server, bucket, prefix }: Spot): Promise<readonly string[]> {
  const { Contents = [] } = await server.client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}/`, MaxKeys: 1_000 }),
  )
  return Contents.flatMap(({ Key }) => Key ?? [])
}

export async function textOf(server: S3Server, bucket: string, key: string): Promise<string> {
  const { Body } = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  return (await Body?.transformToString()) ?? ''
}

const linesOf = <T>(text: string): T[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as T)

/** The bucket with `step` awaited before each of its requests. */
export function steppedBucket(bucket: Bucket, step: () => Promise<void>): Bucket {
  const stepped = before(step)
  return {
    create: stepped(bucket.create),
    put: stepped(bucket.put),
    read: stepped(bucket.read),
    list: stepped(bucket.list),
    remove: stepped(bucket.remove),
  }
}
