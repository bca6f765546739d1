import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'

import type { Outputs } from './compare.js'

export interface BucketPlace {
  readonly client: S3Client
  readonly bucket: string
  readonly prefix: string
}

/** One link of a ledger's chain as it lies in the bucket, as far as it is looked at. */
export interface BucketEntry {
  readonly seq: number
  readonly nonce: string
  readonly predecessor: string | null
  readonly receipt: {
    readonly epoch: number | null
    readonly owner: { readonly generation: number; readonly incarnation: number; readonly claim: number }
    readonly positions: Readonly<Record<string, string>>
  }
  readonly objects: readonly { readonly key: string; readonly bytes: number }[]
}

export interface BucketOutput {
  /** By partition: the lines of all objects that entries name, in the order of the entries. */
  readonly lines: Outputs
  /** Keys that no entry names. */
  readonly uncommitted: readonly string[]
  /** What contradicts PROTOCOL §8, 5 and 6. */
  readonly faults: readonly string[]
}

const ENTRY = /\.tidemark\/main-(\d{5})\/entries\/\d{12}-(\d{12})\.json$/

/** Reads all there is, with nothing of the library. */
export async function readBucket(place: BucketPlace): Promise<BucketOutput> {
  const keys = await listKeys(place, `${place.prefix}/`)
  const ledgers = new Map<number, BucketEntry[]>()
  for (const key of keys) {
    const [, partition] = ENTRY.exec(key) ?? []
    if (partition === undefined) continue
    const entries = ledgers.get(Number(partition)) ?? []
    entries.push(JSON.parse(await getText(place, key)) as BucketEntry)
    ledgers.set(Number(partition), entries)
  }
  const lines = new Map<number, string[]>()
  const faults: string[] = []
  const committed = new Set<string>()
  for (const [partition, entries] of ledgers) {
    entries.sort((a, b) => a.seq - b.seq)
    faults.push(...entries.flatMap((entry, at) => faultsOf(`partition ${partition}`, entry, entries[at - 1])))
    const found: string[] = []
    for (const { key } of entries.flatMap(({ objects }) => objects)) {
      const name = `${place.prefix}/${key}`
      if (committed.has(name)) faults.push(`${name} is committed twice`)
      committed.add(name)
      const text = await getText(place, name)
      if (!text.endsWith('\n')) faults.push(`${name} ends in the middle of a line`)
      for (const line of text.slice(0, -1).split('\n')) found.push(line)
    }
    lines.set(partition, found)
  }
  const outputs = keys.filter((key) => !key.includes('/.tidemark/'))
  return { lines, faults, uncommitted: outputs.filter((key) => !committed.has(key)) }
}

function faultsOf(where: string, entry: BucketEntry, before: BucketEntry | undefined): string[] {
  const faults: string[] = []
  const name = `${where}, entry ${entry.seq}`
  if (entry.seq !== (before?.seq ?? 0) + 1) faults.push(`${name} follows entry ${before?.seq ?? 0}`)
  if (entry.predecessor !== (before?.nonce ?? null)) faults.push(`${name} does not continue the one before`)
  const order = before === undefined ? 1 : compareOwners(entry.receipt.owner, before.receipt.owner)
  if (order < 0) faults.push(`${name} is of an older owner than the entry before`)
  if (order > 0 && entry.objects.length > 0) faults.push(`${name} is the first of its owner, and no fence`)
  return faults
}

type Owner = BucketEntry['receipt']['owner']

const compareOwners = (a: Owner, b: Owner): number =>
  a.generation - b.generation || a.incarnation - b.incarnation || a.claim - b.claim

/** The newest entry of a partition: names count down, so it is listed first. */
export async function newestEntry(place: BucketPlace, partition: number): Promise<BucketEntry | null> {
  const ledger = `main-${String(partition).padStart(5, '0')}`
  const [key] = await listKeys(place, `${place.prefix}/.tidemark/${ledger}/entries/`, 1)
  return key === undefined ? null : (JSON.parse(await getText(place, key)) as BucketEntry)
}

async function listKeys({ client, bucket }: BucketPlace, prefix: string, limit?: number): Promise<string[]> {
  const keys: string[] = []
  let token: string | undefined
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token, MaxKeys: limit }),
    )
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []))
    token = limit === undefined ? page.NextContinuationToken : undefined
  } while (token !== undefined)
  return keys
}

async function getText({ client, bucket }: BucketPlace, key: string): Promise<string> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  return (await Body?.transformToString()) ?? ''
}
