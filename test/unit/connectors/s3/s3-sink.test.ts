/** What the S3 sink writes, and how it is read. */
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type CommittedObject, readCommitted, removeUncommitted, s3Sink } from '../../../../src/connectors/s3/index.js'
import type { S3SinkOptions } from '../../../../src/connectors/s3/s3-sink.js'
import { sinkDefinitionOf } from '../../../../src/definition/define-sink.js'
import { startS3, type S3Server } from '../../../setup/s3/s3-server.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { contextOf, outputOf, ownerOf } from '../file/claims.js'
import { committedLines, keysOf, listedLines, textOf } from './buckets.js'
import { claimS3, type ClaimOptions } from './claims.js'

let server: S3Server
let bucket: string
let prefix: string

beforeAll(async () => {
  server = await startS3()
  bucket = await server.makeBucket()
})
afterAll(() => server.stop())
beforeEach(() => {
  prefix = uniqueName('place')
})

const claim = (options: Partial<S3SinkOptions<number>> = {}, how: Partial<ClaimOptions> = {}) =>
  claimS3<number>({ bucket, prefix, ...options }, { connection: server.connection, ...how })

async function list(after?: Readonly<Record<string, number>>): Promise<CommittedObject[]> {
  const objects: CommittedObject[] = []
  const place = { bucket, prefix, connection: server.connection }
  for await (const object of readCommitted(after === undefined ? place : { ...place, after })) objects.push(object)
  return objects
}

async function cleaned(): Promise<string[]> {
  const keys: string[] = []
  for await (const key of removeUncommitted({ bucket, prefix, connection: server.connection })) keys.push(key)
  return keys
}

const outputs = async (): Promise<readonly string[]> =>
  (await keysOf({ server, bucket, prefix })).filter((key) => !key.includes('/.tidemark/'))

describe('a commit', () => {
  test('is one object, named by partition, generation, seq and attempt, and told with its size and sum', async () => {
    const first = await claim()
    await first.write(1, 2, 3)
    await first.commit()
    const [key = '', ...others] = await outputs()
    expect(others).toEqual([])
    expect(key.slice(prefix.length)).toMatch(/^\/main-00003-g0001-000000000002-0000-[0-9a-f]{16}\.jsonl$/)
    const text = await textOf(server, bucket, key)
    expect(text).toBe('1\n2\n3\n')
    const what = { key, ledger: 'main-00003', stage: 'main', partition: 3, generation: 1, seq: 2 }
    expect(await list()).toEqual([{ ...what, bytes: 6, records: 3, crc32: crc32(text), positions: { in: '3' } }])
  })

  test('above the object size has several, in order', async () => {
    const first = await claim({ objectSize: 20 })
    const values = Array.from({ length: 50 }, (_, n) => n)
    for (const n of values) await first.write(n)
    expect(await list()).toEqual([])
    await first.commit()
    const objects = await list()
    expect(objects.length).toBeGreaterThan(5)
    expect(objects.map(({ key }) => key)).toEqual(objects.map(({ key }) => key).toSorted())
    expect(new Set(objects.map(({ seq }) => seq))).toEqual(new Set([2]))
    expect(await committedLines({ server, bucket, prefix })).toEqual(values)
  })

  test('has one per path, under it', async () => {
    const first = await claim({ path: (n) => (n % 2 === 0 ? 'kind=even' : 'kind=odd') })
    await first.write(1, 2, 3)
    await first.commit()
    const objects = await list()
    expect(new Map(objects.map(({ key, records }) => [key.split('/')[1], records]))).toEqual(
      new Map([
        ['kind=even', 1],
        ['kind=odd', 2],
      ]),
    )
  })

  test('lies directly in a bucket without a prefix', async () => {
    const own = await server.makeBucket()
    const first = await claimS3<number>({ bucket: own }, { connection: server.connection })
    await first.write(1)
    await first.commit()
    const keys: string[] = []
    for await (const { key } of readCommitted({ bucket: own, connection: server.connection })) keys.push(key)
    expect(keys).toEqual([expect.stringMatching(/^main-00003-g0001-/)])
  })

  test('costs two requests, and without outputs one', async () => {
    let requests = 0
    const first = await claim(
      {},
      {
        around: (real) => ({
          ...real,
          create: (key, text) => (requests++, real.create(key, text)),
          put: (key, body) => (requests++, real.put(key, body)),
          read: (key) => (requests++, real.read(key)),
          list: (start, options) => (requests++, real.list(start, options)),
          remove: (key) => (requests++, real.remove(key)),
        }),
      },
    )
    requests = 0
    await first.write(1)
    await first.commit()
    expect(requests).toBe(2)
    await first.commit()
    expect(requests).toBe(3)
  })
})

describe('reading', () => {
  test('goes on behind what is known, over many partitions', async () => {
    for (const partition of [3, 4]) {
      const context = { partition, ledgerKey: `default/flights/main/${partition}/files` }
      const one = await claim({}, { context })
      await one.write(partition)
      await one.commit()
      await one.write(10 * partition)
      await one.commit()
    }
    expect((await list()).map(({ ledger, seq }) => [ledger, seq])).toEqual([
      ['main-00003', 2],
      ['main-00003', 3],
      ['main-00004', 2],
      ['main-00004', 3],
    ])
    expect((await list({ 'main-00003': 2, 'main-00004': 3 })).map(({ ledger, seq }) => [ledger, seq])).toEqual([
      ['main-00003', 3],
    ])
    expect(await list({ 'main-00003': 9, 'main-00004': 3 })).toEqual([])
  })

  test('reads more entries than a listing has at once', async () => {
    const first = await claim()
    for (let n = 0; n < 1_010; n++) {
      if (n % 100 === 0) await first.write(n)
      await first.commit()
    }
    expect(await committedLines({ server, bucket, prefix })).toEqual([
      0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000,
    ])
  })

  test('starts at the oldest entry that is left, unless it was told where', async () => {
    const first = await claim()
    for (const n of [1, 2, 3]) {
      await first.write(n)
      await first.commit()
    }
    const entries = (await keysOf({ server, bucket, prefix })).filter((key) => key.includes('/entries/'))
    await server.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: entries.at(-2) ?? '' }))
    expect(await committedLines({ server, bucket, prefix })).toEqual([2, 3])
    await expect(list({ 'main-00003': 1 })).rejects.toMatchObject({ code: 'ForeignReceipt' })
    expect(await list({ 'main-00003': 2 })).toHaveLength(2)
  })

  test('of nothing gives nothing, and of no bucket fails', async () => {
    expect(await list()).toEqual([])
    const nowhere = readCommitted({ bucket: 'nowhere-at-all', connection: server.connection })
    await expect(nowhere.next()).rejects.toMatchObject({ code: 'SinkUnauthorized' })
  })
})

describe('what was sent and not committed', () => {
  test('shows in a plain listing, never to readCommitted, and is gone after the next opening', async () => {
    const killed = await claim({ objectSize: 1 })
    await killed.write(1)
    expect(await listedLines({ server, bucket, prefix })).toEqual([1])
    expect(await list()).toEqual([])
    await claim({}, { claim: 2 })
    expect(await outputs()).toEqual([])
  })

  test('under paths is removed by removeUncommitted, and nothing else is', async () => {
    const path = (n: number): string => `n=${n}`
    const killed = await claim({ path, objectSize: 1 })
    await killed.write(1)
    await killed.commit()
    await killed.write(2)
    const next = await claim({ path, objectSize: 1 }, { claim: 2 })
    await next.write(3)
    // 2 is lost for ever, 3 may yet be committed.
    expect(await listedLines({ server, bucket, prefix })).toEqual([1, 2, 3])
    expect(await cleaned()).toEqual([expect.stringContaining('/n=2/')])
    await next.commit()
    expect(await cleaned()).toEqual([])
    expect(await committedLines({ server, bucket, prefix })).toEqual([1, 3])
    expect(await listedLines({ server, bucket, prefix })).toEqual([1, 3])
  })

  test('of an owner that was only stopped is removed by itself', async () => {
    const stopped = await claim()
    await claim({}, { claim: 2 })
    await stopped.write(1)
    await expect(stopped.commit()).rejects.toMatchObject({ code: 'GenerationFenced' })
    await stopped.writer.close()
    expect(await outputs()).toEqual([])
  })
})

test('a new generation has names of its own', async () => {
  const first = await claim()
  await first.write(1)
  await first.commit()
  const second = await claim({}, { owner: ownerOf(1, 2) })
  await second.write(1)
  await second.commit()
  expect((await list()).map(({ generation }) => generation)).toEqual([1, 2])
})

test('the worker gives the connection', async () => {
  const sink = sinkDefinitionOf(s3Sink<number>({ bucket, prefix }))
  if (sink?.mode !== 'transactional') throw new Error('not transactional')
  const asked: unknown[] = []
  const connection = (...what: readonly unknown[]): unknown => {
    asked.push(what)
    return server.connection
  }
  const writer = await sink.open(contextOf(ownerOf(1), { connection }))
  expect(asked).toEqual([['s3', 'default']])
  // The SDK writes into what it is given; the plugin's options are the user's.
  expect(Object.keys(server.connection.credentials)).toEqual(['accessKeyId', 'secretAccessKey'])
  expect(await sink.inspect(contextOf(ownerOf(1), { connection }))).toMatchObject({ seq: 1 })
  await writer.close()
})

describe('options', () => {
  const faults = (options: object): string[] =>
    (sinkDefinitionOf(s3Sink(options as S3SinkOptions<unknown>))?.faults ?? []).map(({ path }) => path)

  test.each([
    [{}, ['bucket']],
    [{ bucket: 'Wrong_Name' }, ['bucket']],
    [{ bucket: 'fast--usw2-az1--x-s3' }, ['bucket']],
    [{ bucket: 'good-one', prefix: '/a' }, ['prefix']],
    [{ bucket: 'good-one', prefix: 'a/' }, ['prefix']],
    [{ bucket: 'good-one', prefix: 'a/.tidemark' }, ['prefix']],
    [{ bucket: 'good-one', prefix: 7 }, ['prefix']],
    [{ bucket: 'good-one', prefix: 'a/b'.repeat(200) }, ['prefix']],
    [{ bucket: 'good-one', objectSize: '8 MB' }, ['objectSize']],
    [{ bucket: 'good-one', objectSize: 0 }, ['objectSize']],
    [{ bucket: 'good-one', extension: 'json' }, ['extension']],
    [{ bucket: 'good-one', directory: 'out' }, ['directory']],
    [{ bucket: 'good-one', prefix: 'a/b', objectSize: '1 MiB', origin: true, extension: 'ndjson' }, []],
  ])('%j: faults in %j', (options, expected) => {
    expect(faults(options)).toEqual(expected)
  })

  test('a path that makes a key too long makes its record bad', () => {
    const sink = sinkDefinitionOf(s3Sink<string>({ bucket, prefix: 'p'.repeat(200), path: (value) => value }))
    const long = Array.from({ length: 9 }, () => 'x'.repeat(80)).join('/')
    expect(() => sink?.encode(outputOf(long) as never)).toThrow('above 1024 bytes')
    expect(() => sink?.encode(outputOf(long.slice(0, 300)) as never)).not.toThrow()
  })
})
