import { z } from 'zod'
import { faultsOf } from '../../definition/faults-of.js'
import type { SegmentStore, StateBackend } from '../../definition/state-backend.js'
import { inParallel } from '../in-parallel.js'
import { pathFault } from '../lines/line.js'
import { isSegmentKey, type RetainOption, retainMsOf, retainSchema, taskPath } from '../state-options.js'
import { BucketFailure } from './bucket.js'
import type { S3Connection } from './s3-connection.js'
import { type Reach, reachS3, told } from './sdk-bucket.js'
import { BUCKET, LONGEST_PREFIX } from './sink-faults.js'
import { withTimeLimit } from './time-limit.js'

export interface S3StateOptions extends RetainOption {
  /** Must be there. How it is reached is the worker's: plugin option `s3`. */
  readonly bucket: string
  /** Keys begin with this and a '/'. Pipelines may share it, but not with a sink. Default: none. */
  readonly prefix?: string
}

const schema = z.strictObject(
  {
    bucket: z.string('must be the name of a bucket').regex(BUCKET, 'must be the name of a general purpose bucket'),
    prefix: z
      .string('must be a text')
      .refine((prefix) => Buffer.byteLength(prefix) <= LONGEST_PREFIX, `must be at most ${LONGEST_PREFIX} bytes`)
      .superRefine((prefix, ctx) => {
        const fault = pathFault(prefix)
        if (fault !== null) ctx.issues.push({ code: 'custom', message: fault, input: prefix })
      })
      .optional(),
    retain: retainSchema,
  },
  'must be an object of options',
)

/**
 * Keeps state in objects: `[<prefix>/]<namespace>/<pipeline>/<stage>-<partition>/<SHA-256>`, which never change. Needs
 * `@aws-sdk/client-s3`, and the rights to put, get, list and delete there.
 */
export function s3State(options: S3StateOptions): StateBackend {
  const { bucket, prefix = '' } = options
  return {
    kind: 's3',
    describe: `s3://${bucket}/${prefix}`,
    retainMs: retainMsOf(options),
    faults: faultsOf(schema, options, ''),
    async open(ctx) {
      // What the plugin has checked.
      const reach = await reachS3(ctx.connection('s3', 'default') as S3Connection)
      const root = [...(prefix === '' ? [] : [prefix]), ...taskPath(ctx), ''].join('/')
      return storeIn(reach, bucket, root, ctx.signal)
    },
  }
}

/** An object beside a segment: it was touched when this was last put. */
const MARK = '.touched'

interface Listed {
  readonly key: string
  readonly bytes: number
  readonly at: number
}

/** Requests at once, of those that go by single objects. */
const AT_ONCE = 8

function storeIn({ sdk, client, timeoutMs }: Reach, Bucket: string, root: string, signal: AbortSignal): SegmentStore {
  const ask = <R>(send: (options: { readonly abortSignal: AbortSignal }) => Promise<R>): Promise<R> =>
    told(withTimeLimit(timeoutMs, signal, (abortSignal) => send({ abortSignal })))
  const keyOf = (key: string): string => `${root}${key}`
  async function* objects(): AsyncGenerator<Listed> {
    for (let from = ''; ;) {
      const input = { Bucket, Prefix: root, ...(from !== '' && { StartAfter: from }) }
      const command = new sdk.ListObjectsV2Command(input)
      const { Contents = [], IsTruncated = false } = await ask((options) => client.send(command, options))
      for (const { Key = '', Size = 0, LastModified } of Contents) {
        // Of what has no time nobody knows whether it may go.
        yield { key: Key.slice(root.length), bytes: Size, at: LastModified?.getTime() ?? Infinity }
      }
      from = Contents.at(-1)?.Key ?? ''
      if (!IsTruncated || from === '') return
    }
  }
  const remove = async (key: string): Promise<void> => {
    const command = new sdk.DeleteObjectCommand({ Bucket, Key: keyOf(key) })
    await ask((options) => client.send(command, options))
  }
  return {
    async put(key, Body) {
      const command = new sdk.PutObjectCommand({ Bucket, Key: keyOf(key), Body })
      await ask((options) => client.send(command, options))
    },

    async get(key) {
      try {
        const command = new sdk.GetObjectCommand({ Bucket, Key: keyOf(key) })
        return await ask(async (options) => {
          const { Body } = await client.send(command, options)
          return (await Body?.transformToByteArray()) ?? null
        })
      } catch (error) {
        if (error instanceof BucketFailure && error.code === 'NoSuchKey') return null
        throw error
      }
    },

    async *list() {
      let last = null as Listed | null
      for await (const { key, bytes, at } of objects()) {
        // Its mark follows each segment, in the order of keys. One without was put when its segment was gone.
        if (last !== null && key === `${last.key}${MARK}`) last = { ...last, at: Math.max(last.at, at) }
        else if (key.endsWith(MARK) && isSegmentKey(key.slice(0, -MARK.length))) await remove(key)
        else {
          if (last !== null) yield last
          last = isSegmentKey(key) ? { key, bytes, at } : null
        }
      }
      if (last !== null) yield last
    },

    // Not by a copy onto itself: there are servers that leave an object's time alone then.
    touch: (keys) =>
      inParallel(keys, AT_ONCE, async (key) => {
        const command = new sdk.PutObjectCommand({ Bucket, Key: `${keyOf(key)}${MARK}`, Body: 'touched' })
        await ask((options) => client.send(command, options))
      }),

    delete: (keys) =>
      inParallel(keys, AT_ONCE, async (key) => {
        for (const each of [`${key}${MARK}`, key]) await remove(each)
      }),

    // The client is the process's.
    async close() {},
  }
}
