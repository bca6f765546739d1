import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { count } from '../../../src/definition/aggregators/index.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import { kafkaSink } from '../../../src/connectors/kafka/sink/kafka-sink.js'
import { kafkaSource } from '../../../src/connectors/kafka/kafka-source.js'
import { crash, memorySource } from '../../../src/testing/memory-source.js'
import { memorySink } from '../../../src/testing/memory-sink.js'
import { testPipeline } from '../../../src/testing/test-pipeline.js'

const Flight = z.object({ from: z.string(), to: z.string(), at: z.number() })
type Flight = z.infer<typeof Flight>

/** How often each destination was seen, over flights that are kept by origin. */
const arrivals = () =>
  definePipeline({
    name: 'arrivals',
    sources: { flights: kafkaSource({ topic: 'flights', key: text(), value: json(Flight) }) },
    steps: ({ flights }) => {
      const departures = flights.count('n-departures')
      const seen = flights
        .repartition('by-destination', (f) => f.to, { key: text(), value: json(Flight) })
        .count('n-arrivals')
        .map('row', (n, ctx) => ({ airport: ctx.key, n, at: ctx.timestamp, header: ctx.headers.get('airline') }))
      return [departures.to('departures', kafkaSink({ topic: 'd' })), seen.to('arrivals', kafkaSink({ topic: 'a' }))]
    },
  })

const flight = (from: string, to: string, at = 0): Flight => ({ from, to, at })

describe('a repartitioned stream', () => {
  test('has its new key, and state by it over all partitions before; time and headers stay', async () => {
    await using running = await testPipeline(arrivals())
    const send = (f: Flight, partition: number) =>
      running.send('flights', {
        value: f,
        key: f.from,
        partition,
        timestamp: f.at,
        headers: { airline: f.from + f.to },
      })
    await send(flight('A', 'C', 11), 0)
    await send(flight('B', 'C', 22), 1)
    await send(flight('A', 'B', 5), 0)
    expect(running.sink('departures').values).toEqual([1, 1, 2])
    expect(running.sink('arrivals').values).toEqual([
      { airport: 'C', n: 1, at: 11, header: 'AC' },
      { airport: 'C', n: 2, at: 22, header: 'BC' },
      { airport: 'B', n: 1, at: 5, header: 'AB' },
    ])
  })

  test('gives the same with crashes and checkpoints anywhere: nothing lost, nothing twice', async () => {
    const airports = fc.constantFrom('A', 'B', 'C', 'D')
    const action = fc.oneof(
      { weight: 5, arbitrary: fc.record({ from: airports, to: airports, partition: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.constant('crash' as const) },
      { weight: 1, arbitrary: fc.constant('checkpoint' as const) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        await using running = await testPipeline(arrivals())
        const seen = new Map<string, number>()
        const expected: unknown[] = []
        for (const one of actions) {
          if (one === 'crash') await running.crash()
          else if (one === 'checkpoint') await running.checkpoint()
          else {
            const n = (seen.get(one.to) ?? 0) + 1
            seen.set(one.to, n)
            expected.push([one.to, n])
            await running.send('flights', { value: flight(one.from, one.to), key: one.from, partition: one.partition })
          }
        }
        const rows = running.sink('arrivals').values as readonly { airport: string; n: number }[]
        expect(rows.map(({ airport, n }) => [airport, n])).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  test('keeps event time: its watermark is the least of the partitions before, behind crashes too', async () => {
    const pipeline = definePipeline({
      name: 'windows',
      sources: { flights: kafkaSource({ topic: 'flights', key: text(), value: json(Flight) }) },
      steps: ({ flights }) =>
        flights
          .eventTime('at', (f) => f.at, { maxDisorder: 0 })
          .repartition('by-destination', (f) => f.to, { key: text(), value: json(Flight) })
          .window('per-second', tumbling('1s'), count())
          .map('row', (w) => [w.key, w.start, w.value])
          .to('rows', memorySink<unknown>()),
    })
    await using running = await testPipeline(pipeline)
    const send = (at: number, partition: number) =>
      running.send('flights', { value: flight('A', 'C', at), key: 'A', partition })
    const rows = (): readonly unknown[] => running.sink('rows').take()
    await send(100, 1)
    await send(200, 0)
    await send(5_000, 1)
    // It says how far time has come there with its next record.
    await send(5_001, 1)
    expect(rows()).toEqual([])
    await running.crash()
    await send(2_500, 0)
    await send(2_600, 0)
    expect(rows()).toEqual([['C', 0, 2]])
    await running.checkpoint()
    await running.crash()
    await send(4_800, 0)
    await send(4_900, 0)
    expect(rows()).toEqual([['C', 2_000, 2]])
  })

  test('takes event time anew, from the time it had', async () => {
    const pipeline = definePipeline({
      name: 'windows',
      sources: {
        all: memorySource([
          flight('A', 'C', 1_000),
          flight('B', 'C', 1_500),
          flight('A', 'C', 3_000),
          crash(),
          flight('A', 'B', 9_000),
        ]),
      },
      steps: ({ all }) =>
        all
          .eventTime('at', (f) => f.at, { maxDisorder: 0 })
          .repartition('by-destination', (f) => f.to, { key: text(), value: json(Flight) })
          .eventTime('again', (_, ctx) => ctx.timestamp, { maxDisorder: 0 })
          .window('per-second', tumbling('1s'), count())
          .map('row', (w) => [w.key, w.start, w.value])
          .to('rows', memorySink<unknown>()),
    })
    await using running = await testPipeline(pipeline)
    expect(running.sink('rows').values).toEqual([
      ['C', 1_000, 2],
      ['C', 3_000, 1],
    ])
  })

  test('without a key is a bad record of the step', async () => {
    const pipeline = definePipeline({
      name: 'keyless',
      sources: { all: memorySource([1]) },
      steps: ({ all }) =>
        all
          .repartition('by-none', () => null as unknown as string, { key: text(), value: json(z.number()) })
          .to('rows', memorySink<number>()),
    })
    await expect(testPipeline(pipeline)).rejects.toMatchObject({ code: 'RecordRejected', details: { step: 'by-none' } })
  })
})
