import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { fileSink } from '../../../src/connectors/file/index.js'
import { kafkaSource } from '../../../src/connectors/kafka/index.js'
import { deadLetter, definePipeline, defineSink, isTidemarkError, json, text } from '../../../src/index.js'
import { checkDeterminism, crash, memorySink, memorySource, testPipeline } from '../../../src/testing/index.js'

const Flight = z.object({ date: z.coerce.date(), origin: z.string(), delay: z.number() })
const topic = kafkaSource({ topic: 'flights', value: json(Flight) })
const keyed = kafkaSource({ topic: 'flights', key: text(), value: json(Flight) })
const flight = (delay: number) => ({ date: new Date(0), origin: 'SFO', delay })
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const files = () => fileSink({ directory: '/nowhere' })

const delayed = definePipeline({
  name: 'delayed',
  sources: { flights: topic },
  steps: ({ flights }) =>
    flights
      .filter('late', (f) => f.delay > 60)
      .map('brief', (f) => ({ minutes: f.delay, on: f.date }))
      .to('files', files()),
})

describe('testPipeline', () => {
  test('runs a Kafka to file pipeline in memory: what was sent is committed when send resolves', async () => {
    await using t = await testPipeline(delayed)
    await t.send('flights', { value: flight(90) })
    expect(t.sink('files').values).toEqual([{ minutes: 90, on: new Date(0) }])
    await t.send('flights', { value: flight(10) })
    await t.send('flights', { value: flight(61) })
    expect(t.sink('files').values.map((f) => f.minutes)).toEqual([90, 61])
  })

  test('sendBytes goes through the serde of the source', async () => {
    await using t = await testPipeline(delayed)
    await t.sendBytes('flights', bytes({ date: '2026-01-02', origin: 'SFO', delay: 70 }))
    expect(t.sink('files').values).toEqual([{ minutes: 70, on: new Date('2026-01-02') }])
    const bad = t.sendBytes('flights', bytes({ date: '2026-01-02', origin: 'SFO' }))
    await expect(bad).rejects.toMatchObject({ code: 'DecodeFailed', message: expect.stringContaining('delay') })
  })

  test('a parked task stays parked, with the record it failed at', async () => {
    await using t = await testPipeline(delayed)
    await t.send('flights', { value: flight(90) })
    await expect(t.sendBytes('flights', Buffer.from('no json'))).rejects.toMatchObject({ code: 'DecodeFailed' })
    const error: unknown = await t.send('flights', { value: flight(91) }).catch((reason: unknown) => reason)
    expect(isTidemarkError(error, 'DecodeFailed') && error.details.origin).toEqual({
      source: 'flights',
      partition: 0,
      position: '1',
    })
    expect(t.sink('files').values).toHaveLength(1)
  })

  test('take gives what has come since', async () => {
    await using t = await testPipeline(delayed)
    await t.send('flights', { value: flight(90) })
    expect(t.sink('files').take()).toHaveLength(1)
    expect(t.sink('files').take()).toEqual([])
    await t.send('flights', { value: flight(91) })
    expect(t.sink('files').take()).toEqual([{ minutes: 91, on: new Date(0) }])
    expect(t.sink('files').values).toHaveLength(2)
  })

  test('keys: typed for keyed sources, decoded from bytes, raw for the others; kept apart by partition', async () => {
    const byKey = definePipeline({
      name: 'by-key',
      sources: { flights: keyed },
      steps: ({ flights }) =>
        flights
          .map('key', (f, ctx) => `${ctx.key.toLowerCase()} ${f.delay} ${ctx.origin.partition}/${ctx.origin.position}`)
          .to('out', memorySink<string>()),
    })
    await using t = await testPipeline(byKey)
    await t.send('flights', { key: 'SFO', value: flight(1) })
    await t.send('flights', { key: 'JFK', value: flight(2), partition: 3 })
    await t.sendBytes('flights', bytes(flight(3)), { key: 'LAX' })
    expect(t.sink('out').values).toEqual(['sfo 1 0/0', 'jfk 2 3/0', 'lax 3 0/1'])
  })

  test('headers and timestamps reach the steps', async () => {
    const p = definePipeline({
      name: 'headers',
      sources: { flights: topic },
      steps: ({ flights }) =>
        flights.map('h', (_, ctx) => [ctx.headers.get('a'), ctx.timestamp, ctx.now]).to('out', memorySink()),
    })
    const now = new Date('2026-05-01')
    await using t = await testPipeline(p, { now })
    await t.send('flights', { value: flight(1), headers: { a: 'b' }, timestamp: new Date(17) })
    await t.send('flights', { value: flight(1) })
    expect(t.sink('out').values).toEqual([
      ['b', 17, now.getTime()],
      [undefined, now.getTime(), now.getTime()],
    ])
  })

  test('dead letters are kept with the bytes they came as', async () => {
    const p = definePipeline({
      name: 'letters',
      sources: { flights: topic },
      onError: deadLetter(fileSink({ directory: '/nowhere/letters' })),
      steps: ({ flights }) => flights.map('m', (f) => f.delay).to('files', files()),
    })
    await using t = await testPipeline(p)
    await t.sendBytes('flights', Buffer.from('no json'))
    await t.send('flights', { value: flight(5) })
    expect(t.deadLetters).toMatchObject([
      { error: { code: 'DecodeFailed' }, step: 'flights', origin: { position: '0' } },
    ])
    expect(Buffer.from(t.deadLetters[0]?.value ?? []).toString()).toBe('no json')
    expect(t.sink('files').values).toEqual([5])
  })

  test('names that are not there are refused at run time too', async () => {
    await using t = await testPipeline(delayed)
    // @ts-expect-error no such sink
    expect(() => t.sink('file')).toThrow("pipeline 'delayed' has no sink 'file': it has files")
    // @ts-expect-error no such source
    await expect(t.send('flight', { value: flight(1) })).rejects.toThrow('it has flights')
    // @ts-expect-error no delay
    void (() => t.send('flights', { value: { date: new Date(), origin: 'x' } }))
    await using k = await testPipeline(
      definePipeline({
        name: 'k',
        sources: { flights: keyed },
        steps: ({ flights }) => flights.to('out', memorySink()),
      }),
    )
    // @ts-expect-error a keyed source wants a key
    void (() => k.send('flights', { value: flight(1) }))
  })
})

describe('crash', () => {
  test('what was committed since the checkpoint is executed again, and written once', async () => {
    let runs = 0
    const p = definePipeline({
      name: 'counted',
      sources: { flights: topic },
      steps: ({ flights }) =>
        flights
          .map('random', (f, ctx) => {
            runs++
            return [f.delay, ctx.random()]
          })
          .to('files', files()),
    })
    await using t = await testPipeline(p)
    await t.send('flights', { value: flight(1) })
    await t.checkpoint()
    await t.send('flights', { value: flight(2) })
    await t.send('flights', { value: flight(3) })
    const before = t.sink('files').values
    expect(runs).toBe(3)
    await t.crash()
    expect(runs).toBe(5)
    expect(t.sink('files').values).toEqual(before)
    await t.send('flights', { value: flight(4) })
    expect(t.sink('files').values.map(([delay]) => delay)).toEqual([1, 2, 3, 4])
    expect(runs).toBe(6)
    await t.crash()
    await t.crash()
    expect(t.sink('files').values.map(([delay]) => delay)).toEqual([1, 2, 3, 4])
  })

  test('a step that is not deterministic is found', async () => {
    let count = 0
    const p = definePipeline({
      name: 'counting',
      sources: { flights: topic },
      steps: ({ flights }) => flights.map('count', () => count++).to('files', files()),
    })
    await using t = await testPipeline(p)
    await t.send('flights', { value: flight(1) })
    await expect(t.crash()).rejects.toMatchObject({ code: 'NonDeterministicStep' })
  })

  test('an encoder that is not deterministic is found, and a pipeline that reads only ctx is not', async () => {
    let count = 0
    const make = (encode: () => string) =>
      definePipeline({
        name: 'encoding',
        sources: { flights: topic },
        steps: ({ flights }) =>
          flights
            .map('drawn', (f, ctx) => [f.delay, ctx.now, ctx.random()])
            .to(
              'calls',
              defineSink({
                kind: 'calls',
                mode: 'transactional',
                encode,
                open: () => Promise.reject(new Error('opened')),
                inspect: () => Promise.reject(new Error('inspected')),
              }),
            ),
      })
    const records = { flights: [flight(1), flight(2)] }
    await checkDeterminism(
      make(() => 'same'),
      records,
    )
    await expect(
      checkDeterminism(
        make(() => String(count++)),
        records,
      ),
    ).rejects.toMatchObject({ code: 'NonDeterministicStep' })
  })

  test('sinks without a ledger see it again, once per id where they say so', async () => {
    const calls = (dedupes: boolean) =>
      defineSink<number, number>({
        kind: 'calls',
        mode: 'idempotent',
        dedupes,
        encode: ({ value }) => value,
        open: () => Promise.reject(new Error('opened')),
      })
    const p = definePipeline({
      name: 'calls',
      sources: { flights: topic },
      steps: ({ flights }) => {
        const delays = flights.map('d', (f) => f.delay)
        return [delays.to('once', calls(true)), delays.to('again', calls(false)), delays.to('files', files())]
      },
    })
    await using t = await testPipeline(p)
    await t.send('flights', { value: flight(1) })
    expect([t.sink('once').values, t.sink('again').values, t.sink('files').values]).toEqual([[], [], [1]])
    await t.checkpoint()
    expect([t.sink('once').values, t.sink('again').values]).toEqual([[1], [1]])
    await t.send('flights', { value: flight(2) })
    await t.crash()
    await t.checkpoint()
    expect([t.sink('once').values, t.sink('again').values, t.sink('files').values]).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ])
  })
})

describe('memorySource and memorySink', () => {
  test('items are sent at once, with a crash where one is marked', async () => {
    const out = memorySink<number>()
    let runs = 0
    const p = definePipeline({
      name: 'doubles',
      sources: { numbers: memorySource([1, crash(), 2, 3, crash(), crash()]) },
      steps: ({ numbers }) =>
        numbers
          .map('double', (n) => {
            runs++
            return n * 2
          })
          .to('out', out),
    })
    await using d = await testPipeline(p)
    expect(d.sink('out').values).toEqual([2, 4, 6])
    expect(out.values).toEqual([2, 4, 6])
    expect(runs).toBe(6)
    await d.send('numbers', { value: 4 })
    expect(out.values).toEqual([2, 4, 6, 8])
    await using again = await testPipeline(p)
    expect(again.sink('out').values).toEqual([2, 4, 6])
    expect(out.values).toEqual([2, 4, 6, 8, 2, 4, 6])
  })

  test('a bad item rejects testPipeline', async () => {
    const p = definePipeline({
      name: 'bad',
      sources: { numbers: memorySource([1, 2]) },
      steps: ({ numbers }) =>
        numbers.filter('odd', (n, ctx) => n % 2 === 1 || ctx.reject('even')).to('out', memorySink<number>()),
    })
    await expect(testPipeline(p)).rejects.toMatchObject({ code: 'RecordRejected' })
  })

  test('calls are carried out one after the other', async () => {
    await using t = await testPipeline(delayed)
    const sent = [70, 80, 90].map((delay) => t.send('flights', { value: flight(delay) }))
    const after = Promise.all([t.checkpoint(), t.crash(), t.send('flights', { value: flight(100) })])
    await Promise.all([...sent, after])
    expect(t.sink('files').values.map((f) => f.minutes)).toEqual([70, 80, 90, 100])
  })
})
