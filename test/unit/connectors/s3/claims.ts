import type { Bucket } from '../../../../src/connectors/s3/bucket.js'
import { s3SinkDefinition, type S3SinkOptions } from '../../../../src/connectors/s3/s3-sink.js'
import { sdkBucket } from '../../../../src/connectors/s3/sdk-bucket.js'
import type { S3Connection } from '../../../../src/connectors/s3/s3-connection.js'
import type { Owner, SinkContext } from '../../../../src/definition/sink.js'
import { claimLines, ownerOf } from '../file/claims.js'

export interface ClaimOptions {
  readonly claim?: number
  readonly owner?: Owner
  readonly connection: S3Connection
  /** Put around the bucket. */
  readonly around?: (bucket: Bucket) => Bucket
  readonly context?: Partial<SinkContext>
}

/** A task's use of an S3 sink: opens it, writes values, commits. */
export async function claimS3<T>(options: S3SinkOptions<T>, how: ClaimOptions) {
  const { claim = 1, owner = ownerOf(claim), connection, around = (bucket) => bucket, context = {} } = how
  const sink = s3SinkDefinition(options, async () => around(await sdkBucket(connection, options.bucket)))
  return await claimLines(sink, owner, context)
}
