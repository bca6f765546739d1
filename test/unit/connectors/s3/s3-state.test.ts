import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { s3State } from '../../../../src/connectors/s3/s3-state.js'
import { startS3, type S3Server } from '../../../setup/s3/s3-server.js'
import { segmentStoreTests } from '../segment-stores.js'

let server: S3Server
let bucket: string

beforeAll(async () => {
  server = await startS3()
  bucket = await server.makeBucket()
})
afterAll(() => server.stop())

describe('state in S3, on a real server', () => {
  segmentStoreTests(() => ({
    backend: s3State({ bucket, prefix: 'state/ü' }),
    connection: () => server.connection,
  }))
})

test('a bucket that is not there is told without secrets', async () => {
  const task = { namespace: 'n', pipeline: 'p', stage: 's', partition: 0 }
  const signal = new AbortController().signal
  const store = await s3State({ bucket: 'nowhere-at-all' }).open({
    ...task,
    signal,
    connection: () => server.connection,
  })
  const told = await store.put('a'.repeat(64), Buffer.from('a')).catch(String)
  expect(told).toMatch(/NoSuchBucket/)
  expect(told).not.toContain(server.connection.credentials.secretAccessKey)
  await expect(store.get('a'.repeat(64))).rejects.toThrow(/NoSuchBucket/)
})

test('its options', () => {
  expect(s3State({ bucket: 'b-1', prefix: 'p', retain: '2h' })).toMatchObject({
    describe: 's3://b-1/p',
    retainMs: 7_200_000,
    faults: [],
  })
  const wrong = s3State({ bucket: 'B', prefix: '/x', retain: 'long' } as unknown as { bucket: string })
  expect(wrong.faults?.map(({ path }) => path)).toEqual(['bucket', 'prefix', 'retain'])
})
