/** A claim of the S3 sink's on a real server, through the proxy: each request is known for what it is. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { httpProtocol, type HttpRequest } from '../../../faults/proxy/http-protocol.js'
import { type Fate, Proxy } from '../../../faults/proxy/proxy.js'
import type { Side } from '../../../faults/proxy/protocol.js'
import { s3Request } from '../../../faults/sinks/s3-requests.js'
import { freePort } from '../../../src/dev/ports.js'
import { startS3, type S3Server } from '../../setup/s3/s3-server.js'
import { uniqueName } from '../../setup/unique-name.js'
import { committedLines } from '../connectors/s3/buckets.js'
import { claimS3 } from '../connectors/s3/claims.js'

let server: S3Server
let bucket: string
let proxy: Proxy
let prefix: string
/** What requests are called, in their order, without those that are called nothing. */
let asked: string[]
/** All who have asked. */
let clients: Set<string>

beforeAll(async () => {
  server = await startS3()
  bucket = await server.makeBucket()
})
afterAll(() => server.stop())

beforeEach(async () => {
  ;[asked, clients, prefix] = [[], new Set(), uniqueName('place')]
  vi.stubEnv('AWS_SDK_UA_APP_ID', 'worker-1')
  const noting = (request: HttpRequest) => {
    const called = s3Request(request)
    if (called.name !== '') asked.push(called.name)
    clients.add(called.client)
    return called
  }
  proxy = await Proxy.listen(await freePort(), Number(new URL(server.endpoint).port), httpProtocol(noting))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await proxy.close()
})

const connection = () => ({ ...server.connection, endpoint: `http://${proxy.address}`, requestTimeout: '3s' as const })
const claim = (nth = 1) => claimS3<number>({ bucket, prefix }, { claim: nth, connection: connection() })
const committed = () => committedLines<number>({ server, bucket, prefix })

function trap(side: Side, name: string, fate: Fate): () => boolean {
  let sprung = false
  proxy.set({
    side,
    name,
    spring() {
      sprung = true
      return Promise.resolve(fate)
    },
  })
  return () => sprung
}

it('knows what opens a ledger, and what commits', async () => {
  const first = await claim()
  expect(asked.slice(0, 3)).toEqual(['place', 'place', 'place'])
  expect(asked.filter((name) => name !== 'place')).toEqual(['list entries', 'create entry'])
  await first.write(1)
  asked.length = 0
  await first.commit()
  expect(asked).toEqual(['put object', 'create entry'])
  asked.length = 0
  await claim(2)
  expect(new Set(asked)).toEqual(new Set(['place', 'list entries', 'read entry', 'create entry', 'list objects']))
})

it('knows who asks', async () => {
  await claim()
  expect(clients).toEqual(new Set(['worker-1']))
})

it.each<[Side, Fate]>([
  ['request', 'cut'],
  ['response', 'cut'],
])('hits the request that decides a commit: %s, %s', async (side, fate) => {
  const first = await claim()
  await first.write(1)
  const sprung = trap(side, 'create entry', fate)
  asked.length = 0
  await first.commit()
  expect(sprung()).toBe(true)
  // Tried again by the SDK; where the first was carried out, what is there is looked at.
  const tries = ['put object', 'create entry', 'create entry']
  expect(asked).toEqual(side === 'response' ? [...tries, 'read entry'] : tries)
  expect(await committed()).toEqual([1])
})

it('drops an answer: the request is carried out, and whoever asked gives up by himself', async () => {
  const first = await claim()
  await first.write(1)
  const sprung = trap('response', 'create entry', 'drop')
  const began = Date.now()
  await first.commit()
  expect(sprung()).toBe(true)
  expect(Date.now() - began).toBeGreaterThanOrEqual(3_000)
  expect(await committed()).toEqual([1])
})
