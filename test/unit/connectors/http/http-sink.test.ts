import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../../src/definition/define-pipeline.js'
import { isTidemarkError } from '../../../../src/errors/is.js'
import { httpSink, httpSinkDefinition, type HttpSinkOptions } from '../../../../src/connectors/http/http-sink.js'
import { LogSource } from '../../engine/log-source.js'
import { itemsOf, openSink, outputOf } from '../writing.js'
import { Service } from './service.js'

let service: Service
const { signal } = new AbortController()
const idOf = (position: number): string => `orders/main/orders-3-${position}-0`

interface Order {
  readonly n: number
}

async function send(options: Partial<HttpSinkOptions<Order>>, count: number, connection?: () => unknown) {
  const sink = httpSinkDefinition<Order>({ url: `${service.url}/orders`, ...options })
  const writer = await openSink(sink, connection)
  const items = itemsOf(sink, ...Array.from({ length: count }, (_, n) => ({ n })))
  return { writer, items, result: await writer.write(items, signal) }
}

beforeEach(async () => {
  service = await Service.start()
})
afterEach(async () => {
  await service.stop()
})

describe('a request', () => {
  test('is a POST of the value as JSON, with the id of the item as its key', async () => {
    const { result } = await send({}, 2)
    expect(result.failed).toEqual([])
    expect(service.seen.toSorted((a, b) => a.body.localeCompare(b.body))).toMatchObject([
      { method: 'POST', path: '/orders', body: '{"n":0}', headers: { 'content-type': 'application/json' } },
      { method: 'POST', path: '/orders', body: '{"n":1}' },
    ])
    expect(new Set(service.keys)).toEqual(new Set([idOf(0), idOf(1)]))
  })

  test('is what functions of the value make it', async () => {
    await send(
      {
        url: ({ n }, { origin }) => `${service.url}/p${origin.partition}/${n}?x=1`,
        method: 'PUT',
        headers: ({ n }) => ({ 'X-Order': `no ${n}`, 'Content-Type': 'text/csv', 'Idempotency-Key': 'mine' }),
        body: ({ n }) => Buffer.from(`n\n${n}\n`),
      },
      1,
    )
    expect(service.seen).toMatchObject([
      { method: 'PUT', path: '/p3/0?x=1', body: 'n\n0\n', headers: { 'x-order': 'no 0', 'content-type': 'text/csv' } },
    ])
    expect(service.keys).toEqual([idOf(0)])
  })

  test('may have no body', async () => {
    await send({ method: 'DELETE', body: () => null }, 1)
    expect(service.seen).toMatchObject([{ method: 'DELETE', body: '' }])
    expect(service.seen[0]?.headers['content-type']).toBeUndefined()
  })

  test("gets base URL and headers of the worker's connection, over its own", async () => {
    const asked: unknown[] = []
    const connection = (...which: unknown[]) => {
      asked.push(which)
      return { baseUrl: `${service.url}/api`, headers: { Authorization: 'Bearer s3cret' } }
    }
    await send({ url: '/orders', connection: 'erp', headers: { authorization: 'none' } }, 1, connection)
    expect(asked).toEqual([['http', 'erp']])
    expect(service.seen).toMatchObject([{ path: '/api/orders', headers: { authorization: 'Bearer s3cret' } }])
  })

  test("goes where base URL and path lead, whatever the base URL ends with, and not into the base URL's query", async () => {
    const base = (baseUrl: string) => () => ({ baseUrl })
    await send({ url: '/orders', connection: 'erp' }, 1, base(`${service.url}/api/`))
    expect(service.seen).toMatchObject([{ path: '/api/orders' }])
    const withQuery = send({ url: '/orders', connection: 'erp' }, 1, base(`${service.url}/api?key=s3cret`))
    await expect(withQuery).rejects.toThrow("http connection 'erp': baseUrl must be without a query")
    await expect(withQuery).rejects.not.toThrow('s3cret')
  })

  test("never takes the connection's headers to another host than its base URL's", async () => {
    const connection = () => ({ baseUrl: 'https://erp.example.org/api', headers: { authorization: 'Bearer s3cret' } })
    const { result } = await send({ connection: 'erp', url: () => `${service.url}/elsewhere` }, 1, connection)
    expect(service.seen).toEqual([])
    expect(result.failed).toMatchObject([{ id: idOf(0), retryable: false }])
    expect(result.failed[0]?.error.message).toBe(
      `POST ${service.url}/elsewhere is not where the connection's baseUrl is`,
    )
  })

  test('is one of so many at a time', async () => {
    service.reply = () => ({ status: 200, after: 100 })
    await send({ concurrency: 3 }, 12)
    expect(service.most).toBe(3)
    expect(service.seen).toHaveLength(12)
  })

  test('what could not be sent makes the record bad, and no header value is quoted', () => {
    const encode = (options: Partial<HttpSinkOptions<Order>>) => () =>
      httpSinkDefinition<Order>({ url: 'http://a', ...options }).encode(outputOf({ n: 1 }, 0))
    expect(encode({ url: () => 'ftp://a/b' })).toThrow('neither an http(s) URL')
    expect(encode({ url: () => 'http://me:s3cret@a/b' })).toThrow('without credentials')
    expect(encode({ headers: () => ({ 'x-key': 's3cret\nx' }) })).toThrow("header 'x-key' can not be sent")
    expect(encode({ headers: () => ({ 'x-key': 's3cret\nx' }) })).not.toThrow('s3cret')
    expect(encode({ body: (order) => order as never })).toThrow('body returned a value of type object')
    const sink = httpSinkDefinition<bigint | undefined>({ url: 'http://a' })
    expect(() => sink.encode(outputOf<bigint | undefined>(undefined, 0))).toThrow('has no JSON')
  })
})

describe('an answer', () => {
  test.each([
    [400, 'refused'],
    [404, 'refused'],
    [409, 'refused'],
    [422, 'refused'],
    [302, 'refused'],
    [408, 'again'],
    [425, 'again'],
    [429, 'again'],
    [500, 'again'],
    [502, 'again'],
    [503, 'again'],
  ])('%i: the item is %s', async (status, means) => {
    service.reply = () => ({ status, headers: { location: '/elsewhere', 'retry-after': '0' }, body: 'so sorry' })
    const { result } = await send({ headers: { 'x-a': 'b' } }, 1)
    expect(result.failed).toMatchObject([{ id: idOf(0), retryable: means === 'again' }])
    expect(result.failed[0]?.error.message).toBe(`POST ${service.url}/orders answered ${status}: so sorry`)
    expect(service.seen).toHaveLength(1)
  })

  test('409 says that a request with that key is under way, where the service knows keys', async () => {
    service.reply = () => ({ status: 409 })
    expect((await send({ dedupes: true }, 1)).result.failed).toMatchObject([{ retryable: true }])
  })

  test.each([401, 403])("%i is nobody's fault but the worker's", async (status) => {
    service.reply = () => ({ status, body: 'who are you' })
    await expect(send({}, 3)).rejects.toMatchObject({
      code: 'SinkUnauthorized',
      retryable: false,
      message: expect.stringContaining(`answered ${status}: who are you`) as unknown,
      details: { pipeline: 'orders', partition: 3, sink: 'out' },
    })
  })

  test('others are sent all the same, where one has failed', async () => {
    service.reply = ({ body }) => ({ status: body === '{"n":1}' ? 500 : body === '{"n":2}' ? 400 : 200 })
    const { result } = await send({ concurrency: 2 }, 5)
    expect(result.failed.toSorted((a, b) => a.id.localeCompare(b.id))).toMatchObject([
      { id: idOf(1), retryable: true },
      { id: idOf(2), retryable: false },
    ])
    expect(service.seen).toHaveLength(5)
  })

  test('one at a time keeps the order: what follows a failure waits with it', async () => {
    service.reply = (_, nth) => ({ status: nth === 2 ? 500 : 200 })
    const { result, writer, items } = await send({ concurrency: 1 }, 4)
    expect(result.failed.map(({ id, retryable }) => [id, retryable])).toEqual([
      [idOf(1), true],
      [idOf(2), true],
      [idOf(3), true],
    ])
    await writer.write(items.slice(1), signal)
    expect(service.keys).toEqual([idOf(0), idOf(1), idOf(1), idOf(2), idOf(3)])
  })

  test('that asks for a pause gets it: nothing is sent until then', async () => {
    service.reply = (_, nth) => (nth === 1 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 200 })
    const { result, writer, items } = await send({ concurrency: 1 }, 3)
    expect(result.failed).toHaveLength(3)
    expect(service.seen).toHaveLength(1)
    const began = performance.now()
    expect(await writer.write(items, signal)).toEqual({ failed: [] })
    expect(performance.now() - began).toBeGreaterThan(800)
    expect(service.seen).toHaveLength(4)
  })

  test('a pause ends with the session', async () => {
    service.reply = () => ({ status: 503, headers: { 'retry-after': '60' } })
    const { writer, items } = await send({}, 1)
    const abort = new AbortController()
    const writing = writer.write(items, abort.signal)
    abort.abort(new Error('closing'))
    await expect(writing).rejects.toThrow()
    expect(service.seen).toHaveLength(1)
  })

  test('that does not come in time, or is cut off, is asked for again', async () => {
    service.reply = () => ({ status: 200, after: 500 })
    expect((await send({ timeout: 50 }, 1)).result.failed).toMatchObject([
      { retryable: true, error: { message: expect.stringContaining('no answer within 50 ms') as unknown } },
    ])
    service.reply = () => ({ status: 200, cut: true })
    expect((await send({}, 1)).result.failed).toMatchObject([{ retryable: true }])
    const { url } = service
    await service.stop()
    // A connection that was kept from before is closed; a new one is refused.
    const message = expect.stringMatching(/ECONNREFUSED|other side closed/) as unknown
    expect((await send({ url }, 1)).result.failed).toMatchObject([{ retryable: true, error: { message } }])
    service = await Service.start()
  })

  test('without end is read at its beginning only', async () => {
    service.reply = () => ({ status: 400, body: 'x'.repeat(64 * 1024), endless: true })
    const { result } = await send({ timeout: '5s' }, 2)
    expect(result.failed.map(({ error }) => error.message)).toEqual(
      Array.from({ length: 2 }, () => `POST ${service.url}/orders answered 400: ${'x'.repeat(200)}`),
    )
  })

  test("never shows a secret, not even the service's echo of it", async () => {
    service.reply = ({ headers }) => ({ status: 400, body: `your header was ${String(headers.authorization)}` })
    const connection = () => ({ headers: { authorization: 'Bearer s3cret-token' } })
    const { result } = await send({ connection: 'erp', url: `${service.url}/a?key=s3cret-query` }, 1, connection)
    const { message = '' } = result.failed[0]?.error ?? {}
    expect(message).toContain('your header was …')
    expect(message).not.toContain('s3cret')
  })
})

describe('the definition', () => {
  const pipeline = (options: object) => () =>
    definePipeline({
      name: 'orders',
      sources: { numbers: new LogSource().source() },
      steps: ({ numbers }) => numbers.to('out', httpSink(options as HttpSinkOptions<number>)),
    })

  test('is at-least-once, unless the user states that the service dedupes', () => {
    expect(httpSink({ url: 'https://a' }).guarantee).toBe('at-least-once')
    expect(httpSink({ url: 'https://a', dedupes: true }).guarantee).toBe('once-per-id')
  })

  test.each([
    [{}, 'steps.out.url'],
    [{ url: 'https://me:s3cret@a' }, 'steps.out.url'],
    [{ url: '//a/b' }, 'steps.out.url'],
    [{ url: '/orders' }, 'steps.out.connection'],
    [{ url: 'https://a', method: 'GET' }, 'steps.out.method'],
    [{ url: 'https://a', headers: 'x' }, 'steps.out.headers'],
    [{ url: 'https://a', body: 'x' }, 'steps.out.body'],
    [{ url: 'https://a', concurrency: 0 }, 'steps.out.concurrency'],
    [{ url: 'https://a', timeout: 'soon' }, 'steps.out.timeout'],
    [{ url: 'https://a', dedupes: 'yes' }, 'steps.out.dedupes'],
    [{ url: 'https://a', retries: 3 }, 'steps.out.retries'],
  ])('%j is a fault at %s', (options, path) => {
    let error: unknown
    try {
      pipeline(options)()
    } catch (thrown) {
      error = thrown
    }
    if (!isTidemarkError(error, 'InvalidDefinition')) throw new Error('it was accepted', { cause: error })
    expect(error.details.faults.map((fault) => fault.path)).toEqual([path])
    expect(error.message).not.toContain('s3cret')
  })

  test('a connection that is none is told without its values, before anything is sent', async () => {
    const wrong = () => ({ headers: { authorization: 's3cret\n' } })
    await expect(send({ connection: 'erp' }, 1, wrong)).rejects.toThrow("http connection 'erp': headers.authorization")
    await expect(send({ connection: 'erp' }, 1, wrong)).rejects.not.toThrow('s3cret')
  })
})
