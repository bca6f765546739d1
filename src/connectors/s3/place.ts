import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { SinkUnauthorized } from '../../errors/sink.js'
import { foreign, type Target } from '../ledger-chain/target.js'
import type { Bucket, BucketFailure } from './bucket.js'
import type { Layout } from './layout.js'

const placeFile = z.object({ version: z.literal(1), id: z.uuid() })

/**
 * The id of the sink's prefix, made by whoever comes first; and the proof that this server creates objects exclusively,
 * without which nothing here holds. Throws `SinkUnauthorized` where it doesn't.
 */
export async function placeId(bucket: Bucket, layout: Layout, target: Target): Promise<string> {
  const found = (await readId(bucket, layout, target)) ?? (await makeId(bucket, layout, target))
  // With the content that it has: a server that ignores the condition does no harm.
  if (await exclusive(bucket, layout, target, found)) {
    throw unfit(target, 'it overwrites an object in spite of `If-None-Match: *`')
  }
  return found
}

async function makeId(bucket: Bucket, layout: Layout, target: Target): Promise<string> {
  const id = randomUUID()
  await exclusive(bucket, layout, target, id)
  // Ours, or that of whoever was quicker.
  return (await readId(bucket, layout, target)) ?? id
}

async function exclusive(bucket: Bucket, layout: Layout, target: Target, id: string): Promise<boolean> {
  try {
    return await bucket.create(layout.placeKey, `${JSON.stringify({ version: 1, id })}\n`)
  } catch (error) {
    const { code, status } = error as Partial<BucketFailure>
    if (status !== 501 && code !== 'NotImplemented') throw error
    throw unfit(target, 'it does not implement `If-None-Match: *`')
  }
}

function unfit({ at, target }: Target, how: string): SinkUnauthorized {
  const reason = `this server cannot create objects exclusively, which commits need: ${how}. Use one that can`
  return new SinkUnauthorized({ ...at, target, doing: 'open its ledger', reason })
}

async function readId(bucket: Bucket, layout: Layout, target: Target): Promise<string | null> {
  const text = await bucket.read(layout.placeKey)
  if (text === null) return null
  try {
    return placeFile.parse(JSON.parse(text)).id
  } catch {
    throw foreign(target, `no place id: ${layout.placeKey}`)
  }
}
