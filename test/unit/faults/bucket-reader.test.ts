/** The reader of the S3 sink's output has to find what is wrong: whole outputs are damaged in every way, each is told. */
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { BucketWatch } from '../../../faults/sinks/bucket-watch.js'
import { compare, type Outputs, type Verdict } from '../../oracle/compare.js'
import { type BucketEntry, type BucketPlace, readBucket, readEntry } from '../../oracle/read-bucket.js'
import { startS3, type S3Server } from '../../setup/s3/s3-server.js'
import { uniqueName } from '../../setup/unique-name.js'
import { waitUntil } from '../../setup/wait-until.js'
import { keysOf, textOf } from '../connectors/s3/buckets.js'
import { claimS3 } from '../connectors/s3/claims.js'

const COMMITS = 4
const LEDGER = '.tidemark/main-00003/entries'
const STRANGER = '0'.repeat(16)

let server: S3Server
let bucket: string
let place: BucketPlace

beforeAll(async () => {
  server = await startS3()
  bucket = await server.makeBucket()
})
afterAll(() => server.stop())

/** Entry 1 is the fence, entries 2 to 5 commit 21, 22 … 51, 52. */
beforeEach(async () => {
  const prefix = uniqueName('place')
  place = { client: server.client, bucket, prefix }
  const sink = await claimS3<number>({ bucket, prefix }, { connection: server.connection })
  for (let seq = 2; seq < 2 + COMMITS; seq++) {
    for (const n of [1, 2]) await sink.write(10 * seq + n)
    await sink.commit()
  }
})

const whole: Outputs = new Map([[3, ['21', '22', '31', '32', '41', '42', '51', '52']]])
const NOTHING = { lost: [], duplicated: [], reordered: [], foreign: [] }

it('finds nothing wrong with what is whole', async () => {
  await finds({}, [])
  const { lines, uncommitted } = await readBucket(place)
  expect({ lines, uncommitted }).toEqual({ lines: whole, uncommitted: [] })
})

it('finds an object that is gone', async () => {
  const key = await objectOf(3)
  await remove(key)
  await finds({ lost: ['31', '32'] }, [`${place.prefix}/${key} is committed and not there`])
})

it('finds a commit that is gone, and does not take its object for committed', async () => {
  const key = await objectOf(3)
  await remove(entryKey(3))
  const faults = [
    'partition 3, entry 4 follows entry 2',
    'partition 3, entry 4 does not continue the one before',
    `${place.prefix}/${key} is left of a commit that nobody has decided`,
  ]
  // Who goes from entry to entry waits for it for ever.
  await finds({ lost: ['31', '32'] }, faults, { lost: ['31', '32', '41', '42', '51', '52'] })
})

it('finds an object that two commits name', async () => {
  const [first, second] = [await entry(2), await entry(4)]
  await write(entryKey(4), JSON.stringify({ ...second, objects: [...second.objects, ...first.objects] }))
  const key = `${place.prefix}/${first.objects[0]?.key}`
  await finds({ duplicated: ['21', '22'] }, [`${key} is named by entry 4`, `${key} is committed twice`])
})

it('finds lines that were written twice', async () => {
  await write(await objectOf(5), '51\n52\n41\n')
  await finds({ duplicated: ['41'] }, [`${place.prefix}/${await objectOf(5)} is not what its entry says`])
})

it('finds commits out of order', async () => {
  const [third, fourth] = [await entry(3), await entry(4)]
  await write(entryKey(3), JSON.stringify({ ...third, objects: fourth.objects }))
  await write(entryKey(4), JSON.stringify({ ...fourth, objects: third.objects }))
  // Their names tell what they were written for.
  const left = [third, fourth].map(({ objects: [object] }) => `${place.prefix}/${object?.key}`)
  const faults = [`${left[1]} is named by entry 3`, `${left[0]} is named by entry 4`]
  await finds({ reordered: ['41', '42'] }, faults)
})

it('finds lines out of order, and other ones', async () => {
  const key = await objectOf(4)
  await write(key, '42\n41\n')
  await finds({ reordered: ['42'] }, [`${place.prefix}/${key} is not what its entry says`])
  await write(key, '41\n43\n')
  await finds({ lost: ['42'], foreign: ['43'] }, [`${place.prefix}/${key} is not what its entry says`])
  await write(key, '41\n42')
  await finds({}, [`${place.prefix}/${key} ends in the middle of a line`])
})

it('finds what an older owner has committed after a newer one, and a newer one without a fence', async () => {
  const { receipt, ...others } = await entry(3)
  const newer = { ...receipt, owner: { ...receipt.owner, claim: receipt.owner.claim + 1 } }
  await write(entryKey(3), JSON.stringify({ ...others, receipt: newer }))
  await finds({}, [
    'partition 3, entry 3 is the first of its owner, and no fence',
    'partition 3, entry 4 is of an older owner than the entry before',
  ])
})

it('leaves alone what another attempt has left, and only that', async () => {
  const key = await objectOf(3)
  const left = key.replace(/[0-9a-f]{16}/, STRANGER)
  await write(left, '31\n32\n')
  await finds({}, [])
  expect((await readBucket(place)).uncommitted).toEqual([`${place.prefix}/${left}`])
  const more = key.replace('-0000-', '-0001-')
  await write(more, '33\n')
  await finds({}, [`${place.prefix}/${more} is of a commit that does not name it`])
})

it('sees commits as they come, each once', async () => {
  const watch = new BucketWatch(place, 4)
  await waitUntil(() => watch.seen.get(3)?.length === 8)
  const sink = await claimS3<number>({ bucket, prefix: place.prefix }, { claim: 2, connection: server.connection })
  await sink.write(71)
  await sink.commit()
  await waitUntil(() => watch.seen.get(3)?.length === 9)
  await sink.write(81)
  await sink.commit()
  await watch.finish()
  expect(watch.seen).toEqual(new Map([[3, [...(whole.get(3) ?? []), '71', '81']]]))
})

/** What both readers tell, compared with what is whole, and what is wrong with the ledger. */
async function finds(wrong: Partial<Verdict>, faults: readonly string[], passing = wrong): Promise<void> {
  const watch = new BucketWatch(place, 4)
  await watch.finish()
  const found = await readBucket(place)
  expect(compare(whole, found.lines)).toMatchObject({ ...NOTHING, ...wrong })
  expect(compare(whole, watch.seen)).toMatchObject({ ...NOTHING, ...passing })
  expect(found.faults).toEqual(faults)
}

async function entry(seq: number): Promise<BucketEntry> {
  const found = await readEntry(place, 3, seq)
  if (found === null) throw new Error(`there is no entry ${seq}`)
  // As it lies in the bucket, and not as the reader has it.
  const [key = ''] = (await keysOf({ server, ...place })).filter((one) => one.endsWith(entryKey(seq)))
  expect(found).toEqual(JSON.parse(await textOf(server, bucket, key)))
  return found
}

const objectOf = async (seq: number): Promise<string> => (await entry(seq)).objects[0]?.key ?? ''

const entryKey = (seq: number): string => `${LEDGER}/99999999999${9 - seq}-00000000000${seq}.json`

const write = (key: string, Body: string): Promise<unknown> =>
  server.client.send(new PutObjectCommand({ Bucket: bucket, Key: `${place.prefix}/${key}`, Body }))

const remove = (key: string): Promise<unknown> =>
  server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: `${place.prefix}/${key}` }))
