import type { Bucket } from '../../../../src/connectors/s3/bucket.js'
import { s3SinkDefinition, type S3SinkOptions } from '../../../../src/connectors/s3/s3-sink.js'
import { sdkBucket } from '../../../../src/connectors/s3/sdk-bucket.js'
import type { S3Connection } from '../../../../src/connectors/s3/s3-connection.js'
import type { Line } from '../../../../src/connectors/lines/line.js'
import type { Item, Owner, Receipt, SinkContext } from '../../../../src/definition/sink.js'
import { contextOf, outputOf, ownerOf } from '../file/claims.js'

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
  const ctx = contextOf(owner, context)
  const fences: Receipt[] = []
  const fence = (found: Receipt | null): Receipt => {
    const receipt = ctx.fence(found)
    fences.push(receipt)
    return receipt
  }
  const writer = await sink.open({ ...ctx, fence })
  let seq = fences.at(-1)?.seq ?? 0
  let position = Number(writer.receipt?.positions['in'] ?? 0)
  return {
    writer,
    sink,
    write: (...values: readonly T[]) => {
      const items = values.map((value): Item<Line> => {
        const output = outputOf(value, position++)
        return { id: output.id, sink: 'files', data: sink.encode(output) }
      })
      return writer.write(items)
    },
    async commit(): Promise<Receipt> {
      const receipt: Receipt = {
        version: 1,
        seq: ++seq,
        owner,
        epoch: 1,
        time: 1,
        positions: { in: String(position) },
        digest: '',
        timersEpoch: null,
        fingerprint: 'f',
        rejections: [],
      }
      await writer.commit(receipt)
      return receipt
    },
  }
}
