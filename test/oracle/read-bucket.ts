import { crc32 } from 'node:zlib'
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, type S3Client } from '@aws-sdk/client-s3'

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
  readonly objects: readonly BucketObject[]
}

export interface BucketObject {
  /** Below the prefix. */
  readonly key: string
  readonly bytes: number
  readonly crc32: number
  readonly records: number
}

export interface BucketOutput {
  /** By partition: the lines of all objects that entries name, in the order of the entries. */
  readonly lines: Outputs
  /** By partition: all entries, in their order. */
  readonly ledgers: ReadonlyMap<number, readonly BucketEntry[]>
  /** Keys that no entry names. */
  readonly uncommitted: readonly string[]
  /** What contradicts PROTOCOL §8, 5 and 6, or docs/s3.md, in words. */
  readonly faults: readonly string[]
}

const ENTRY = /\.tidemark\/main-(\d{5})\/entries\/\d{12}-(\d{12})\.json$/
const OBJECT = /(?:^|\/)main-(\d{5})-g\d{4,}-(\d{12})-\d{4,}-([0-9a-f]{16})\.jsonl$/
const HIGHEST = 999_999_999_999
/** Requests at once. */
const LANES = 8

/** Reads all there is, with nothing of the library. */
export async function readBucket(place: BucketPlace): Promise<BucketOutput> {
  const keys = await listKeys(place, `${place.prefix}/`)
  const ledgers = new Map<number, BucketEntry[]>()
  await inLanes(keys, async (key) => {
    const [, partition] = ENTRY.exec(key) ?? []
    if (partition === undefined) return
    const entry = JSON.parse((await getText(place, key)) ?? '') as BucketEntry
    const entries = ledgers.get(Number(partition))
    if (entries === undefined) ledgers.set(Number(partition), [entry])
    else entries.push(entry)
  })
  const lines = new Map<number, string[]>()
  const faults: string[] = []
  const committed = new Set<string>()
  for (const [partition, entries] of ledgers) {
    entries.sort((a, b) => a.seq - b.seq)
    faults.push(...entries.flatMap((entry, at) => faultsOf(`partition ${partition}`, entry, entries[at - 1])))
    faults.push(...entries.flatMap((entry) => nameFaults(place, entry)))
    const objects = entries.flatMap((entry) => entry.objects)
    const texts = new Map<string, string | null>()
    await inLanes(objects, async ({ key }) => void texts.set(key, await getText(place, `${place.prefix}/${key}`)))
    const found: string[] = []
    for (const object of objects) {
      const name = `${place.prefix}/${object.key}`
      const text = texts.get(object.key) ?? null
      if (committed.has(name)) faults.push(`${name} is committed twice`)
      committed.add(name)
      faults.push(...contentFaults(name, object, text))
      for (const line of linesOf(text)) found.push(line)
    }
    lines.set(partition, found)
  }
  const outputs = keys.filter((key) => !key.includes('/.tidemark/'))
  const uncommitted = outputs.filter((key) => !committed.has(key))
  return { lines, ledgers, faults: [...faults, ...uncommitted.flatMap((key) => leftFaults(key, ledgers))], uncommitted }
}

/** One commit of a partition, as it is named by what docs/s3.md says. Null: there is none by now. */
export async function readEntry(place: BucketPlace, partition: number, seq: number): Promise<BucketEntry | null> {
  const name = `${digits(HIGHEST - seq, 12)}-${digits(seq, 12)}.json`
  const text = await getText(place, `${entriesOf(place, partition)}${name}`)
  return text === null ? null : (JSON.parse(text) as BucketEntry)
}

/** The lines of an object that an entry names; none where it has gone. */
export async function readLines(place: BucketPlace, { key }: BucketObject): Promise<readonly string[]> {
  return linesOf(await getText(place, `${place.prefix}/${key}`))
}

const linesOf = (text: string | null): string[] => text?.replace(/\n$/, '').split('\n') ?? []

/** An object that commits are to be told by has the entry's seq and nonce in its name. */
function nameFaults({ prefix }: BucketPlace, { seq, nonce, objects }: BucketEntry): string[] {
  const others = objects.filter(({ key }) => {
    const [, , named, by] = OBJECT.exec(key) ?? []
    return Number(named) !== seq || by !== nonce
  })
  return others.map(({ key }) => `${prefix}/${key} is named by entry ${seq}`)
}

function contentFaults(name: string, { bytes, crc32: sum, records }: BucketObject, text: string | null): string[] {
  if (text === null) return [`${name} is committed and not there`]
  if (!text.endsWith('\n')) return [`${name} ends in the middle of a line`]
  const same = Buffer.byteLength(text) === bytes && crc32(text) === sum && linesOf(text).length === records
  return same ? [] : [`${name} is not what its entry says`]
}

/** What nobody has committed may lie there if its seq is another attempt's, and it therefore can never be committed. */
function leftFaults(key: string, ledgers: ReadonlyMap<number, readonly BucketEntry[]>): string[] {
  const [, partition, seq, nonce] = OBJECT.exec(key) ?? []
  const entry = ledgers.get(Number(partition))?.find((one) => one.seq === Number(seq))
  if (entry === undefined) return [`${key} is left of a commit that nobody has decided`]
  return entry.nonce === nonce ? [`${key} is of a commit that does not name it`] : []
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
  const [key] = await listKeys(place, entriesOf(place, partition), 1)
  const text = key === undefined ? null : await getText(place, key)
  return text === null ? null : (JSON.parse(text) as BucketEntry)
}

const entriesOf = ({ prefix }: BucketPlace, partition: number): string =>
  `${prefix}/.tidemark/main-${digits(partition, 5)}/entries/`

const digits = (value: number, width: number): string => String(value).padStart(width, '0')

async function inLanes<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values()
  const lane = async (): Promise<void> => {
    for (const one of rest) await each(one)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
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

/** Null where there is no such object. */
async function getText({ client, bucket }: BucketPlace, key: string): Promise<string | null> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    return (await Body?.transformToString()) ?? ''
  } catch (error) {
    if (error instanceof NoSuchKey) return null
    throw error
  }
}
