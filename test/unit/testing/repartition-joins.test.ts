import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { json, text } from '../../../src/definition/serdes/index.js'
import { table } from '../../../src/definition/table.js'
import { kafkaSink } from '../../../src/connectors/kafka/sink/kafka-sink.js'
import { kafkaSource } from '../../../src/connectors/kafka/kafka-source.js'
import { crash, memorySource } from '../../../src/testing/memory-source.js'
import { memorySink } from '../../../src/testing/memory-sink.js'
import { testPipeline } from '../../../src/testing/test-pipeline.js'

const Flight = z.object({ from: z.string(), to: z.string(), at: z.number() })
type Flight = z.infer<typeof Flight>
const by = { key: text(), value: json(Flight) }

const flights = () => kafkaSource({ topic: 'flights', key: text(), value: json(Flight) })

/** Flights to an airport, with its name as it was then. */
const named = () =>
  definePipeline({
    name: 'named',
    sources: {
      flights: flights(),
      names: table(kafkaSource({ topic: 'names', key: text(), value: json(z.string()) })),
    },
    steps: ({ flights: all, names }) =>
      all
        .repartition('by-destination', (f) => f.to, by)
        .joinTable('with-name', names, { how: 'left' }, (f, name) => [f.at, name ?? f.to])
        .to('arrivals', kafkaSink({ topic: 'a' })),
  })

/** Which flights one can change to, from a flight of the same source. */
const changes = () =>
  definePipeline({
    name: 'changes',
    sources: { flights: flights() },
    steps: ({ flights: all }) =>
      all
        .eventTime('landed', (f) => f.at, { maxDisorder: '1d' })
        .repartition('by-destination', (f) => f.to, by)
        .join(
          'onward',
          all.eventTime('left', (f) => f.at, { maxDisorder: '1d' }),
          { within: { before: 0, after: 20 } },
          (one, next) => `${one.from}-${one.to}-${next.to} ${one.at}-${next.at}`,
        )
        .to('changes', kafkaSink({ topic: 'c' })),
  })

const airports = fc.constantFrom('A', 'B', 'C')
const upset = fc.constantFrom('crash' as const, 'checkpoint' as const)
type Running = Awaited<ReturnType<typeof testPipeline>>
const happen = (what: 'crash' | 'checkpoint', running: Pick<Running, 'crash' | 'checkpoint'>): Promise<void> =>
  what === 'crash' ? running.crash() : running.checkpoint()

test('a repartitioned stream joins a table that its first stage knows nothing of, with crashes anywhere', async () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ from: airports, to: airports, partition: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ code: airports, name: fc.constantFrom('x', 'y', 'z') }) },
    { weight: 2, arbitrary: upset },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      await using running = await testPipeline(named())
      const names = new Map<string, string>()
      const expected: unknown[] = []
      for (const [at, one] of actions.entries()) {
        if (typeof one === 'string') await happen(one, running)
        else if ('code' in one) {
          names.set(one.code, one.name)
          await running.send('names', { value: one.name, key: one.code })
        } else {
          expected.push([at, names.get(one.to) ?? one.to])
          const { from, to, partition } = one
          await running.send('flights', { value: { from, to, at }, key: from, partition })
        }
      }
      expect(running.sink('arrivals').values).toEqual(expected)
    }),
    { numRuns: 40 },
  )
})

test('a stream joins what has come of it: both stages read its source, with crashes anywhere', async () => {
  const flight = fc.record({ from: airports, to: airports, at: fc.nat(60) })
  const action = fc.oneof({ weight: 4, arbitrary: flight }, { weight: 1, arbitrary: upset })
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      await using running = await testPipeline(changes())
      const sent: Flight[] = []
      for (const one of actions) {
        if (typeof one === 'string') await happen(one, running)
        else {
          sent.push(one)
          await running.send('flights', { value: one, key: one.from, timestamp: one.at })
        }
      }
      const expected = sent.flatMap((one) =>
        sent
          .filter((next) => next.from === one.to && next.at >= one.at && next.at <= one.at + 20)
          .map((next) => `${one.from}-${one.to}-${next.to} ${one.at}-${next.at}`),
      )
      expect([...running.sink('changes').values].toSorted()).toEqual(expected.toSorted())
    }),
    { numRuns: 40 },
  )
})

test('event time is the least of the channel and of the source that it meets', async () => {
  const pipeline = definePipeline({
    name: 'alone',
    sources: { flights: flights(), gates: kafkaSource({ topic: 'gates', key: text(), value: json(z.number()) }) },
    steps: ({ flights: all, gates }) =>
      all
        .eventTime('landed', (f) => f.at, { maxDisorder: 0 })
        .repartition('by-destination', (f) => f.to, by)
        .join(
          'gate',
          gates.eventTime('opened', (at) => at, { maxDisorder: 0 }),
          { how: 'left', within: 10 },
          (f, at) => [f.at, at ?? null],
        )
        .to('rows', kafkaSink({ topic: 'r' })),
  })
  await using running = await testPipeline(pipeline)
  const rows = (): readonly unknown[] => running.sink('rows').take()
  const land = (at: number) => running.send('flights', { value: { from: 'A', to: 'B', at }, key: 'A', timestamp: at })
  const open = (at: number) => running.send('gates', { value: at, key: 'B', timestamp: at })
  await land(100)
  await land(1_000)
  await land(1_001)
  // The gates' time has not come so far.
  expect(rows()).toEqual([])
  await open(105)
  expect(rows()).toEqual([[100, 105]])
  await open(2_000)
  await open(2_001)
  // Nor has the channel's: each value says how far time had come before it.
  await land(3_000)
  expect(rows()).toEqual([])
  await land(3_001)
  expect(rows()).toEqual([
    [1_000, null],
    [1_001, null],
  ])
})

test('the items of a memory source come to each stage that reads it', async () => {
  const pipeline = definePipeline({
    name: 'memory',
    sources: { all: memorySource([1, 2, crash(), 3]) },
    steps: ({ all }) => {
      const far = all.repartition('by-value', String, { key: text(), value: json(z.number()) })
      // Of callers without types: what has no key meets what has one.
      return far.merge('both', all.map('less', (n) => -n) as never).to('rows', memorySink<unknown>())
    },
  })
  await using running = await testPipeline(pipeline)
  const rows = running.sink('rows').values as readonly number[]
  expect(rows.toSorted((a, b) => a - b)).toEqual([-3, -2, -1, 1, 2, 3])
})
