import { describe, expect, test } from 'vitest'
import { MemoryLedgers } from '../../../src/testing/memory-ledger.js'
import { type Kept, memorySink, memorySinkDefinition } from '../../../src/testing/memory-sink.js'
import { sinkContract } from '../../../src/testing/contract.js'
import { sinkDefinitionOf } from '../../../src/definition/define-sink.js'
import { noHeaders } from '../../../src/definition/headers.js'

describe('the memory sink keeps the sink contract', () => {
  const checks = sinkContract({
    subject(step) {
      const ledgers = new MemoryLedgers<Kept<number>>('memory', step)
      const read = async () => ledgers.items().map((item) => item.data.value)
      return { sink: memorySinkDefinition(ledgers), read }
    },
    value: (n) => n,
  })
  for (const { name, run } of checks) test(name, run)
})

describe('memorySink', () => {
  test('tells values apart that have no JSON, and keeps them as they are', () => {
    const definition = sinkDefinitionOf(memorySink<unknown>())
    const digestOf = (value: unknown): string => {
      const origin = { source: 's', partition: 0, position: '0' }
      const output = { value, key: null, timestamp: 0, headers: noHeaders, origin, id: 'p/main/s-0-0-0' }
      const kept = definition?.encode(output)
      expect((kept as Kept<unknown>).value).toBe(value)
      return Buffer.from(definition?.digest?.(kept) ?? []).toString()
    }
    const values = [
      undefined,
      null,
      1,
      1n,
      '1',
      new Map([[1, 2]]),
      new Map([[1, 3]]),
      new Set([1]),
      [1],
      [1, undefined],
    ]
    const long = [Array.from({ length: 500 }, (_, n) => n), Array.from({ length: 500 }, (_, n) => (n === 499 ? 0 : n))]
    const digests = [
      ...values,
      ...long,
      { a: { b: { c: { d: { e: 1 } } } } },
      { a: { b: { c: { d: { e: 2 } } } } },
    ].map(digestOf)
    expect(new Set(digests).size).toBe(digests.length)
    expect(digestOf({ a: [1, { b: new Date(5) }] })).toBe(digestOf({ a: [1, { b: new Date(5) }] }))
  })

  test('has a place of its own, so that a worker that can not see it is told so', async () => {
    const names = await Promise.all(
      [memorySink(), memorySink()].map(async (sink) => {
        const definition = sinkDefinitionOf(sink)
        if (definition?.mode !== 'transactional') throw new TypeError('not transactional')
        const writer = await definition.open({
          pipeline: 'p',
          stage: 'main',
          partition: 0,
          owner: { generation: 1, incarnation: 1, claim: 1, runId: 'run' },
          ledgerKey: 'key',
          sinks: ['out'],
          signal: new AbortController().signal,
          connection: () => undefined,
          fence: () => ({}) as never,
          reject: () => {
            throw new Error('rejected')
          },
        })
        return writer.place
      }),
    )
    expect(names[0]).toBeTypeOf('string')
    expect(names[0]).not.toBe(names[1])
  })
})
