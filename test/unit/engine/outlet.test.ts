import { describe, expect, test } from 'vitest'
import type { SinkDefinition } from '../../../src/definition/sink.js'
import type { SourceRecord } from '../../../src/definition/source.js'
import { ChainedDigest } from '../../../src/engine/digest.js'
import { Flow } from '../../../src/engine/flow.js'
import { Outlet, type OutletSink } from '../../../src/engine/outlet.js'

const never = () => Promise.reject(new Error('an outlet opens nothing'))

function sinkOf(id: string, tag: number, more: Partial<SinkDefinition<unknown, unknown>> = {}): OutletSink {
  const sink = { kind: 'table', mode: 'transactional', encode: ({ value }: { value: unknown }) => value, ...more }
  return { id, tag, sink: { ...sink, open: never, inspect: never } as SinkDefinition<unknown, unknown> }
}

const recordAt = (position: number): SourceRecord<unknown> => ({
  position: String(position),
  next: String(position + 1),
  key: null,
  value: position,
})

/** An outlet of those sinks, with what offers values to each for one record after the other. */
function outletOf(...sinks: readonly OutletSink[]) {
  const outlet = new Outlet(sinks)
  const flow = new Flow({ pipeline: 'p', stage: 'main', source: 's', partition: 2 }, undefined, () => 'step')
  const at = new Int32Array(1)
  const pushes = new Map(sinks.map((sink) => [sink.id, outlet.pushFor(sink, at, 7)]))
  return {
    outlet,
    at,
    begin: (position: number) => (flow.record = recordAt(position)),
    offer: (id: string, value: unknown) => pushes.get(id)?.(value, flow),
    values: () => outlet.take().map((item) => item.data),
  }
}

const digestOf = (...outputs: readonly (readonly [text: string, tag: number])[]): string => {
  const digest = new ChainedDigest()
  for (const [text, tag] of outputs) digest.update(Buffer.from(text), tag)
  return digest.toString()
}

describe('taking back', () => {
  test('takes back what the record has offered, and nothing of the record before', () => {
    const { outlet, begin, offer, values } = outletOf(sinkOf('a', 0))
    begin(1)
    offer('a', 'one')
    const bad = begin(2)
    offer('a', 'two')
    offer('a', 'zwei')
    outlet.rollback(bad)
    begin(3)
    offer('a', 'three')
    outlet.seal()
    expect(outlet.digest.toString()).toBe(digestOf(['one', 0], ['three', 0]))
    expect(outlet.offered).toBe(2)
    expect(values()).toEqual(['one', 'three'])
  })

  test('what is sealed stays', () => {
    const { outlet, begin, offer, values } = outletOf(sinkOf('a', 0))
    const record = begin(1)
    offer('a', 'one')
    outlet.seal()
    offer('a', 'late')
    outlet.rollback(record)
    outlet.seal()
    expect(values()).toEqual(['one'])
    expect(outlet.digest.toString()).toBe(digestOf(['one', 0]))
  })

  test('takes back what several sinks of one ledger were offered', () => {
    const { outlet, begin, offer, values } = outletOf(sinkOf('a', 0), sinkOf('b', 1))
    begin(1)
    offer('b', 'one')
    const bad = begin(2)
    offer('a', 'two')
    offer('b', 'two')
    outlet.rollback(bad)
    outlet.seal()
    expect(values()).toEqual(['one'])
  })
})

describe('sealing', () => {
  test('digests each output once, in order, whatever the cuts', () => {
    const { outlet, begin, offer } = outletOf(sinkOf('a', 0), sinkOf('b', 1))
    begin(1)
    offer('a', 'one')
    outlet.seal()
    outlet.seal()
    offer('b', 'one')
    begin(2)
    offer('a', 'two')
    outlet.seal()
    expect(outlet.digest.toString()).toBe(digestOf(['one', 0], ['one', 1], ['two', 0]))
    expect(outlet.offered).toBe(3)
    expect(outlet.hasSealed).toBe(true)
  })

  test('a muted outlet digests and counts, and keeps nothing', () => {
    const { outlet, begin, offer, values } = outletOf(sinkOf('a', 0))
    outlet.phase = 'muted'
    begin(1)
    offer('a', 'one')
    outlet.seal()
    expect(outlet.hasSealed).toBe(false)
    expect([outlet.offered, outlet.bytes]).toEqual([1, 0])
    outlet.phase = 'held'
    begin(2)
    offer('a', 'two')
    outlet.seal()
    expect(outlet.digest.toString()).toBe(digestOf(['one', 0], ['two', 0]))
    expect(values()).toEqual(['two'])
  })

  test('takes only what is sealed, and leaves the record under way', () => {
    const { outlet, begin, offer, values } = outletOf(sinkOf('a', 0))
    begin(1)
    offer('a', 'one')
    outlet.seal()
    begin(2)
    offer('a', 'two')
    expect(outlet.bytes).toBe(3)
    expect(values()).toEqual(['one'])
    expect([outlet.hasSealed, outlet.bytes]).toEqual([false, 0])
    outlet.seal()
    expect(values()).toEqual(['two'])
  })
})

describe('bytes for the digest', () => {
  const digestOver = (data: unknown, more: Partial<SinkDefinition<unknown, unknown>> = {}): string => {
    const { outlet, begin, offer } = outletOf(sinkOf('a', 3, { encode: () => data, ...more }))
    begin(1)
    offer('a', 'value')
    outlet.seal()
    return outlet.digest.toString()
  }

  test('are the bytes themselves, a text, its JSON, or what the sink says', () => {
    expect(digestOver(Buffer.from('ab'))).toBe(digestOf(['ab', 3]))
    expect(digestOver('ab')).toBe(digestOf(['ab', 3]))
    expect(digestOver({ a: 1 })).toBe(digestOf(['{"a":1}', 3]))
    expect(digestOver({ a: 1 }, { digest: () => Buffer.from('own') })).toBe(digestOf(['own', 3]))
  })

  test('are asked for while the record is under way: data without any makes it bad, not the epoch', () => {
    for (const data of [undefined, () => 1, 1n, { n: 1n }]) expect(() => digestOver(data)).toThrow(TypeError)
    expect(() => digestOver(undefined)).toThrow('undefined, which has no JSON: give the sink a digest function')
    const { outlet, begin, offer } = outletOf(
      sinkOf('a', 0, {
        digest: () => {
          throw new Error('no digest')
        },
      }),
    )
    const record = begin(1)
    expect(() => offer('a', 1)).toThrow('no digest')
    outlet.rollback(record)
    outlet.seal()
    expect([outlet.offered, outlet.digest.toString()]).toEqual([0, digestOf()])
  })

  test('nobody asks for those of a sink without a ledger', () => {
    const { outlet, begin, offer, values } = outletOf(sinkOf('a', 0, { mode: 'idempotent' } as never))
    begin(1)
    offer('a', 1n)
    outlet.seal()
    expect(values()).toEqual([1n])
  })
})

test('ids count the outputs of one record at one sink, whatever was taken back before', () => {
  const { outlet, begin, offer, at } = outletOf(sinkOf('a', 0), sinkOf('b', 1))
  const bad = begin(1)
  offer('a', 'x')
  offer('a', 'y')
  outlet.rollback(bad)
  begin(5)
  offer('a', 'one')
  offer('b', 'one')
  offer('a', 'two')
  outlet.seal()
  expect(at[0]).toBe(7)
  expect(outlet.take().map(({ id, sink }) => [sink, id])).toEqual([
    ['a', 'p/main/s-2-5-0'],
    ['b', 'p/main/s-2-5-0'],
    ['a', 'p/main/s-2-5-1'],
  ])
})
