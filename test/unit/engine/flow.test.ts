import { describe, expect, test } from 'vitest'
import { headersOf } from '../../../src/definition/headers.js'
import type { SourceRecord } from '../../../src/definition/source.js'
import { Flow, RecordOutput } from '../../../src/engine/flow.js'

const place = { pipeline: 'p', stage: 'main', source: 's', partition: 2 }

const recordAt = (position: string, more: Partial<SourceRecord<unknown>> = {}): SourceRecord<unknown> => ({
  position,
  next: `${position}-next`,
  key: Buffer.from('raw'),
  value: null,
  ...more,
})

function flowAt(position: string, seed = 'seed', more: Partial<typeof place> = {}): Flow {
  const flow = new Flow({ ...place, ...more }, undefined, () => 'step')
  flow.seed = seed
  flow.record = recordAt(position)
  return flow
}

const draw = (flow: Flow, count = 5): number[] => Array.from({ length: count }, () => flow.random())

describe('ctx.random', () => {
  test('is the same for the same record and seed, whatever was drawn before', () => {
    const once = draw(flowAt('7'))
    const flow = flowAt('6')
    draw(flow, 3)
    flow.record = recordAt('7')
    expect(draw(flow)).toEqual(once)
    expect(new Set(once).size).toBe(5)
  })

  test('differs from record to record, seed to seed, partition to partition, source to source', () => {
    const firsts = [
      flowAt('7'),
      flowAt('8'),
      flowAt('7', 'other'),
      flowAt('7', 'seed', { partition: 3 }),
      flowAt('7', 'seed', { source: 't' }),
    ].map((flow) => flow.random())
    expect(new Set(firsts).size).toBe(firsts.length)
  })

  test('lies in [0, 1), spread evenly', () => {
    const numbers = Array.from({ length: 5_000 }, (_, n) => flowAt(String(n)).random())
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...numbers)).toBeLessThan(1)
    const tenths = Array.from({ length: 10 }, () => 0)
    for (const number of numbers) tenths[Math.floor(number * 10)]!++
    for (const count of tenths) expect(count).toBeGreaterThan(400)
  })
})

describe('ctx.key', () => {
  test('is decoded when it is asked for, once per record', () => {
    let decoded = 0
    const flow = new Flow(
      place,
      (record) => `${record.position}: ${++decoded}`,
      () => 'step',
    )
    flow.record = recordAt('1')
    flow.record = recordAt('2')
    expect([flow.key, flow.key, decoded]).toEqual(['2: 1', '2: 1', 1])
    flow.record = recordAt('3')
    expect(flow.key).toBe('3: 2')
  })

  test('of an unkeyed stream is the bytes', () => {
    expect(Buffer.from(flowAt('1').key).toString()).toBe('raw')
  })

  test('that can not be decoded is DecodeFailed, whichever step asked for it', () => {
    const flow = new Flow(
      place,
      () => {
        throw new Error('no key')
      },
      () => 'step',
    )
    flow.record = recordAt('4')
    for (let times = 0; times < 2; times++) {
      let thrown: unknown
      try {
        void flow.key
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({
        code: 'DecodeFailed',
        details: { reason: 'no key', origin: { position: '4' } },
        cause: { message: 'no key' },
      })
    }
  })
})

test("what the record has not is the epoch's, or nothing", () => {
  const flow = flowAt('1')
  flow.now = 99
  expect([flow.timestamp, [...flow.headers]]).toEqual([99, []])
  const headers = headersOf([['h', Buffer.from('v')]])
  flow.record = recordAt('2', { timestamp: 5, headers })
  expect([flow.timestamp, flow.headers, flow.origin]).toEqual([
    5,
    headers,
    { source: 's', partition: 2, position: '2' },
  ])
})

test('reject names step, record and reason', () => {
  expect(() => flowAt('9').reject('bad', { n: 1 })).toThrow(
    expect.objectContaining({
      code: 'RecordRejected',
      details: {
        pipeline: 'p',
        stage: 'main',
        origin: { source: 's', partition: 2, position: '9' },
        step: 'step',
        reason: 'bad',
        given: { n: 1 },
      },
    }),
  )
})

test('an output keeps what its record was when the flow has gone on', () => {
  const flow = flowAt('1')
  flow.now = 50
  const output = new RecordOutput('value', flow, 3)
  flow.now = 60
  flow.record = recordAt('2', { timestamp: 1 })
  expect({
    value: output.value,
    id: output.id,
    timestamp: output.timestamp,
    origin: output.origin,
    key: Buffer.from(output.key ?? []).toString(),
  }).toEqual({
    value: 'value',
    id: 'p/main/s-2-1-3',
    timestamp: 50,
    origin: { source: 's', partition: 2, position: '1' },
    key: 'raw',
  })
})
