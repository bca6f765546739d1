import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { s3State } from '../../../../src/connectors/s3/s3-state.js'
import { sdkBucket } from '../../../../src/connectors/s3/sdk-bucket.js'
import { withTimeLimit } from '../../../../src/connectors/s3/time-limit.js'
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

test('a server that says nothing is given up after the request time-out, whatever the garbage collector takes', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const collecting = setInterval(collect, 20)
  try {
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const connection = () => ({ ...server.connection, endpoint, requestTimeout: '500ms' })
    const task = { namespace: 'n', pipeline: 'p', stage: 's', partition: 0 }
    const store = await s3State({ bucket }).open({ ...task, signal: new AbortController().signal, connection })
    const key = 'a'.repeat(64)
    const segments = async (): Promise<void> => {
      for await (const _segment of store.list());
    }
    for (const asked of [store.put(key, Buffer.from('a')), store.get(key), store.touch([key]), segments()])
      await expect(asked).rejects.toThrow(/abort|answer/i)
  } finally {
    clearInterval(collecting)
    silent.closeAllConnections()
    silent.close()
  }
})

test('what heeds no signal, as a provider of credentials, is given up when its time is over, or nobody wants it any more', async () => {
  const abort = new AbortController()
  const told: AbortSignal[] = []
  const work = (signal: AbortSignal): Promise<never> => {
    told.push(signal)
    return new Promise(() => undefined)
  }
  await expect(withTimeLimit(1, abort.signal, work)).rejects.toThrow('no answer within 0.001 s')
  const asked = withTimeLimit(3_600_000, abort.signal, work)
  abort.abort(new Error('over'))
  await expect(asked).rejects.toThrow('over')
  expect(told.map(({ aborted }) => aborted)).toEqual([true, true])
})

test('what was touched and is gone leaves nothing behind', async () => {
  const task = { namespace: 'n', pipeline: 'p', stage: 's', partition: 0 }
  const signal = new AbortController().signal
  const store = await s3State({ bucket }).open({ ...task, signal, connection: () => server.connection })
  const { list } = await sdkBucket(server.connection, bucket)
  const [there, gone] = ['a'.repeat(64), 'b'.repeat(64)]
  await store.put(there, Buffer.from('a'))
  await store.touch([there, gone])
  expect((await list('n/')).map((key) => key.replace('n/p/s-00000/', ''))).toEqual([
    there,
    `${there}.touched`,
    `${gone}.touched`,
  ])
  const listed: string[] = []
  for await (const { key } of store.list()) listed.push(key)
  expect(listed).toEqual([there])
  await store.delete(listed)
  expect(await list('n/')).toEqual([])
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
