import { defineSink } from '../../definition/define-sink.js'
import type { Encoder } from '../../definition/serde.js'
import type { Output, Sink, SinkContext, TransactionalSink } from '../../definition/sink.js'
import { parseBytes, type Bytes } from '../../units.js'
import { targetOf } from '../ledger-chain/target.js'
import { lineEncoder, type Line, type LineOptions } from '../lines/line.js'
import type { Bucket } from './bucket.js'
import { sinkFailure } from './failure.js'
import { layoutOf, ledgerName, objectName } from './layout.js'
import { Ledger } from './ledger.js'
import { openLedger } from './open.js'
import type { S3Connection } from './s3-connection.js'
import { sdkBucket } from './sdk-bucket.js'
import { faultsOf } from './sink-faults.js'

export interface S3SinkOptions<T> {
  /** Must be there. How it is reached is the worker's: plugin option `s3`. */
  readonly bucket: string
  /**
   * Keys begin with this and a '/'. It belongs to one sink of one pipeline. Default: none, the bucket is the sink's alone.
   */
  readonly prefix?: string
  /** Value to bytes; a newline is added where they don't end with one. Default: JSON lines. */
  readonly format?: Encoder<T>
  /** True: each line becomes `{"origin":{"source","partition","position"},"value":…}`. Default false. Not with `format`. */
  readonly origin?: boolean
  /** Between prefix and name, by value, with '/' between its parts: `country=DE`. No part may begin with '.'. Default: none. */
  readonly path?: (value: T) => string
  /** Of the objects, without the dot. Default 'jsonl'. */
  readonly extension?: string
  /**
   * What a task keeps in memory at most, over all paths, before it makes objects of it; larger commits have several. Bytes,
   * or with a unit. Default 8 MiB.
   */
  readonly objectSize?: Bytes
}

/**
 * Writes one object per commit and path: `<prefix>/[<path>/]<stage>-<partition>-g<generation>-<seq>-<n>-<nonce>.jsonl`.
 * Exactly-once for readers that take what `readCommitted` lists: S3 can't rename, so an object's name doesn't tell whether
 * it is committed, and a plain listing may also show what a killed worker had sent and not committed. Objects never change.
 * Commits with the checkpoint unless the pipeline sets a commit interval. Needs `@aws-sdk/client-s3`.
 *
 * A value that JSON can't express (`undefined`, a function, a BigInt) is a bad record: see `onError`.
 */
export function s3Sink<T>(options: S3SinkOptions<T>): Sink<T> {
  return defineSink(
    s3SinkDefinition(options, (ctx) => {
      // What the plugin has checked.
      return sdkBucket(ctx.connection('s3', 'default') as S3Connection, options.bucket)
    }),
  )
}

/** The sink over any bucket: tests stop it between any two steps. */
export function s3SinkDefinition<T>(
  options: S3SinkOptions<T>,
  connect: (ctx: Pick<SinkContext, 'connection'>) => Promise<Bucket>,
): TransactionalSink<T, Line> {
  const { bucket, prefix = '', extension = 'jsonl', objectSize = '8 MiB' } = options
  const layout = layoutOf(prefix)
  const describe = `s3://${bucket}/${prefix}`
  const objects = { extension, objectBytes: parseBytes(objectSize) ?? 0 }
  return {
    kind: 's3',
    mode: 'transactional',
    describe,
    place: describe,
    commitsWithCheckpoint: true,
    neverRejects: true,
    faults: faultsOf(options),
    encode: withinKey(lineEncoder(options as LineOptions<T>), layout.root, extension),
    digest: (line) => line.bytes,
    open: (ctx) => openLedger({ connect: () => connect(ctx), layout, target: targetOf(ctx, describe), objects }, ctx),
    async inspect(ctx) {
      const target = targetOf(ctx, describe)
      const name = ledgerName(ctx.stage, ctx.partition)
      try {
        return (await new Ledger(await connect(ctx), layout, name, ctx.ledgerKey, target).newest())?.receipt ?? null
      } catch (error) {
        throw sinkFailure(target, 'read its ledger', error)
      }
    },
  }
}

/** Longest key that S3 takes, in bytes. */
const LONGEST_KEY = 1_024
/** Room for the longest name of a stage. */
const STAGE = 100

/** A path that would make a key too long makes its record bad, instead of a commit that can never succeed. */
function withinKey<T>(encode: (output: Output<T>) => Line, root: string, extension: string) {
  const name = objectName('', { generation: 1, seq: 1 }, '0'.repeat(16), 0)
  const room = LONGEST_KEY - STAGE - Buffer.byteLength(`${root}/${name}.${extension}`)
  return (output: Output<T>): Line => {
    const line = encode(output)
    if (line.from <= room) return line
    throw new TypeError(
      `path makes a key above ${LONGEST_KEY} bytes: ${line.from - 1} bytes, of which ${room} are left`,
    )
  }
}
