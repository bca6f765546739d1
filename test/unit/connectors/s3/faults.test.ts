/** What the S3 sink says and does when server, network or somebody else aren't what they should be. */
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TidemarkError } from '../../../../src/errors/base.js'
import { type Asked, FaultyProxy } from '../../../setup/s3/faulty-proxy.js'
import { CREDENTIALS, startS3, type S3Server } from '../../../setup/s3/s3-server.js'
import { uniqueName } from '../../../setup/unique-name.js'
import { waitUntil } from '../../../setup/wait-until.js'
import { ownerOf } from '../file/claims.js'
import { committedLines, keysOf, listedLines, textOf } from './buckets.js'
import { claimS3, type ClaimOptions } from './claims.js'

let server: S3Server
let proxy: FaultyProxy
let bucket: string
let prefix: string

beforeAll(async () => {
  server = await startS3()
  bucket = await server.makeBucket()
})
afterAll(() => server.stop())
beforeEach(async () => {
  prefix = uniqueName('place')
  proxy = await FaultyProxy.start(server.endpoint)
})
afterEach(() => proxy.close())

const claim = (how: Partial<ClaimOptions> = {}) =>
  claimS3<number>({ bucket, prefix }, { connection: { ...server.connection, endpoint: proxy.endpoint }, ...how })
const committed = () => committedLines<number>({ server, bucket, prefix })
const isEntry = ({ method, key }: Asked): boolean => method === 'PUT' && key.includes('/entries/')
const isData = ({ method, key }: Asked): boolean => method === 'PUT' && key.endsWith('.jsonl')
const rejected = (promise: Promise<unknown>): Promise<TidemarkError> =>
  promise.then(
    () => Promise.reject(new Error('it was expected to fail')),
    (error: unknown) => (error instanceof TidemarkError ? error : Promise.reject(error)),
  )

describe('a commit', () => {
  test('whose answer is lost meets its own entry when the SDK tries again, and has committed', async () => {
    const first = await claim()
    await first.write(1)
    proxy.fail(isEntry, 'answer lost')
    const before = proxy.asked.length
    await first.commit()
    const tries = proxy.asked.slice(before).filter(isEntry)
    expect(tries).toHaveLength(2)
    expect(tries.every(({ exclusive }) => exclusive)).toBe(true)
    await first.write(2)
    await first.commit()
    expect(await committed()).toEqual([1, 2])
  })

  test('none of whose answers comes is found by reading, and has committed', async () => {
    const first = await claim()
    await first.write(1)
    proxy.fail(isEntry, 'answer lost', 100)
    await first.commit()
    expect(await committed()).toEqual([1])
  })

  test('of which nothing is known at all is left to the next opening, objects and all', async () => {
    const first = await claim()
    await first.write(1)
    let cut = false
    proxy.go((asked) => {
      cut ||= isEntry(asked)
      return !cut ? null : isEntry(asked) ? 'answer lost' : 'request lost'
    })
    expect(await rejected(first.commit())).toMatchObject({ code: 'SinkUnavailable', retryable: true })
    await first.writer.close()
    proxy.go(() => null)
    const next = await claim({ claim: 2 })
    expect(next.writer.receipt?.positions).toEqual({ in: '1' })
    expect(await committed()).toEqual([1])
  })

  test('that never got there has not committed, and what it sent is swept up', async () => {
    const first = await claim()
    await first.write(1)
    proxy.fail(isEntry, 'request lost', 100)
    expect(await rejected(first.commit())).toMatchObject({ code: 'SinkUnavailable' })
    await first.writer.close()
    expect(await listedLines({ server, bucket, prefix })).toEqual([1])
    proxy.go(() => null)
    const next = await claim({ claim: 2 })
    expect(next.writer.receipt?.positions).toEqual({ in: '0' })
    expect(await listedLines({ server, bucket, prefix })).toEqual([])
  })

  test('that meets another request in flight (409) is tried again', async () => {
    const first = await claim()
    await first.write(1)
    proxy.fail(isEntry, { status: 409, code: 'ConditionalRequestConflict' }, 3)
    await first.commit()
    expect(await committed()).toEqual([1])
  })

  test('that only ever meets others in flight may be tried again later', async () => {
    const first = await claim()
    proxy.fail(isEntry, { status: 409, code: 'ConditionalRequestConflict' }, 1_000)
    expect(await rejected(first.commit())).toMatchObject({ code: 'SinkUnavailable', retryable: true })
  })

  test('whose data cannot be sent has not committed, and leaves nothing', async () => {
    const first = await claim()
    await first.write(1)
    proxy.fail(isData, 'answer lost', 100)
    expect(await rejected(first.commit())).toMatchObject({ code: 'SinkUnavailable', details: { doing: 'commit' } })
    await first.writer.close()
    expect(await listedLines({ server, bucket, prefix })).toEqual([])
    expect((await claim({ claim: 2 })).writer.receipt?.positions).toEqual({ in: '0' })
  })

  test('under an owner that was overtaken is fenced, names the holder, and leaves nothing', async () => {
    const older = await claim()
    await older.write(1)
    await claim({ claim: 2 })
    expect(await rejected(older.commit())).toMatchObject({
      code: 'GenerationFenced',
      details: { owner: ownerOf(1), ledgerOwner: ownerOf(2) },
    })
    await older.writer.close()
    expect(await listedLines({ server, bucket, prefix })).toEqual([])
  })

  test.each([
    [503, 'SlowDown', 'SinkUnavailable'],
    [500, 'InternalError', 'SinkUnavailable'],
    [400, 'RequestTimeout', 'SinkUnavailable'],
    [403, 'AccessDenied', 'SinkUnauthorized'],
    [400, 'KeyTooLongError', 'SinkUnauthorized'],
  ])('answered with %s %s is %s', async (status, code, expected) => {
    const first = await claim()
    proxy.fail(isEntry, { status, code }, 100)
    expect(await rejected(first.commit())).toMatchObject({
      code: expected,
      details: { pipeline: 'flights', stage: 'main', partition: 3, target: `s3://${bucket}/${prefix}` },
      cause: { code },
    })
  })
})

describe('a server', () => {
  test('that ignores If-None-Match is refused, at the first opening and at any other', async () => {
    for (const opening of [1, 2]) {
      const error = await rejected(
        claim({
          claim: opening,
          around: (real) => ({
            ...real,
            async create(key, text) {
              await real.put(key, Buffer.from(text))
              return true
            },
          }),
        }),
      )
      expect(error).toMatchObject({ code: 'SinkUnauthorized', retryable: false })
      expect(error.message).toContain('cannot create objects exclusively')
    }
    expect((await keysOf({ server, bucket, prefix })).filter((key) => key.includes('/entries/'))).toEqual([])
  })

  test('that does not implement it is refused', async () => {
    proxy.go(({ exclusive }) => (exclusive ? { status: 501, code: 'NotImplemented' } : null))
    const error = await rejected(claim())
    expect(error).toMatchObject({ code: 'SinkUnauthorized' })
    expect(error.message).toContain('If-None-Match')
  })

  test('that is away is SinkUnavailable, and the same task goes on when it is back', async () => {
    const own = await startS3()
    try {
      const spot = { bucket: await own.makeBucket(), prefix }
      const first = await claimS3<number>(spot, { connection: own.connection })
      await first.write(1)
      await first.commit()
      await first.write(2)
      await own.kill()
      expect(await rejected(first.commit())).toMatchObject({ code: 'SinkUnavailable', retryable: true })
      expect(await rejected(claimS3(spot, { connection: own.connection, claim: 2 }))).toMatchObject({
        code: 'SinkUnavailable',
      })
      await own.restart()
      const next = await claimS3<number>(spot, { connection: own.connection, claim: 3 })
      expect(next.writer.receipt?.positions).toEqual({ in: '1' })
      await next.write(2)
      await next.commit()
      expect(await committedLines({ server: own, ...spot })).toEqual([1, 2])
    } finally {
      await own.stop()
    }
  })

  test('that stands still is given up after the request time-out', async () => {
    const own = await startS3()
    try {
      const spot = { bucket: await own.makeBucket(), prefix }
      const first = await claimS3<number>(spot, { connection: { ...own.connection, requestTimeout: 3_000 } })
      own.pause()
      // A supervisor passes the signal on, when it gets its turn.
      const answers = (): Promise<unknown> => fetch(own.endpoint, { signal: AbortSignal.timeout(500) })
      await waitUntil(
        () =>
          answers().then(
            () => false,
            () => true,
          ),
        { for: 'the server to stand still' },
      )
      expect(await rejected(first.commit())).toMatchObject({ code: 'SinkUnavailable', retryable: true })
    } finally {
      own.resume()
      await own.stop()
    }
  })
})

describe('what a person has to see to', () => {
  test('a bucket that is not there is SinkUnauthorized, by name', async () => {
    const error = await rejected(claimS3({ bucket: 'nowhere-at-all', prefix }, { connection: server.connection }))
    expect(error).toMatchObject({ code: 'SinkUnauthorized', retryable: false })
    expect(error.message).toMatch(/s3:\/\/nowhere-at-all\/.*NoSuchBucket/)
  })

  test.each([
    ['a wrong secret', { ...CREDENTIALS, secretAccessKey: 'wrong-secret' }],
    ['an unknown key', { accessKeyId: 'nobody-key', secretAccessKey: 'wrong-secret' }],
  ])('%s is SinkUnauthorized, and no secret is told', async (_, credentials) => {
    const error = await rejected(claim({ connection: { ...server.connection, credentials } }))
    expect(error).toMatchObject({ code: 'SinkUnauthorized', retryable: false })
    const { message, stack, details, cause } = error
    const told = JSON.stringify([message, stack, details, cause, Object.entries(cause as object), String(cause)])
    expect(told).toContain(bucket)
    expect(told).not.toMatch(/wrong-secret|Signature=|AWS4-HMAC/)
  })
})

describe('ForeignReceipt', () => {
  const entries = async () => (await keysOf({ server, bucket, prefix })).filter((key) => key.includes('/entries/'))
  const put = (Key: string, Body: string) => server.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }))

  async function threeEntries(): Promise<readonly string[]> {
    const first = await claim()
    await first.write(1)
    await first.commit()
    await first.write(2)
    await first.commit()
    return await entries()
  }

  test('for two pipelines under one prefix: the second is refused, the first goes on', async () => {
    const first = await claim()
    const context = { pipeline: 'trains', ledgerKey: 'default/trains/main/3/files' }
    const error = await rejected(claim({ context }))
    expect(error).toMatchObject({ code: 'ForeignReceipt', retryable: false })
    expect(error.message).toContain('default/flights/main/3/files')
    await first.write(1)
    await first.commit()
    expect(await committed()).toEqual([1])
  })

  test('for an entry that is none', async () => {
    const [newest = ''] = await threeEntries()
    await put(newest, '{"version":2}')
    expect(await rejected(claim({ claim: 2 }))).toMatchObject({ code: 'ForeignReceipt' })
  })

  test('for something else among the entries', async () => {
    const [newest = ''] = await threeEntries()
    await put(newest.replace(/[^/]+$/, '0-copy.json'), '{}')
    expect(await rejected(claim({ claim: 2 }))).toMatchObject({ code: 'ForeignReceipt' })
  })

  test('for an entry that does not continue the one before it, to owners and readers', async () => {
    const [, middle = ''] = await threeEntries()
    const text = await textOf(server, bucket, middle)
    await put(middle, text.replace(/"nonce": "[^"]+"/, '"nonce": "another"'))
    const error = await rejected(claim({ claim: 2 }))
    expect(error).toMatchObject({ code: 'ForeignReceipt' })
    expect(error.message).toContain('entry 3 does not continue entry 2')
    // What can't be reached from the newest isn't read.
    expect(await committed()).toEqual([2])
  })

  test('for a place id that is none', async () => {
    await put(`${prefix}/.tidemark/place.json`, '{"version":1,"id":"x"}')
    expect(await rejected(claim())).toMatchObject({ code: 'ForeignReceipt' })
  })
})
