import { describe, expect, test } from 'vitest'
import { defineSink } from '../../../src/definition/define-sink.js'
import { ContractBroken, sinkContract, type ContractCheck } from '../../../src/testing/contract.js'
import { flaws, ledgerSink, type Flaw } from './contract-ledger.js'

const value = (n: number): unknown => ({ n })

function checksOf(flaw: Flaw | null): readonly ContractCheck[] {
  return sinkContract({ subject: (step) => ledgerSink(step, flaw), value })
}

describe('a sink that keeps the contract passes', () => {
  for (const { name, run } of checksOf(null)) test(name, run)

  test('also as what defineSink returns', async () => {
    const checks = sinkContract({
      subject(step) {
        const { sink, read } = ledgerSink(step, null)
        return { sink: defineSink(sink), read }
      },
      value,
    })
    for (const { run } of checks.slice(0, 5)) await run()
  })

  test('every check has a name of its own', () => {
    const names = checksOf(null).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('a sink is caught that', () => {
  test.each(flaws)('%s', async (flaw) => {
    const results = await Promise.allSettled(checksOf(flaw).map(({ run }) => run()))
    const caught = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
    expect(caught.length).toBeGreaterThan(0)
    // Not because the sink itself failed: because the contract says so.
    expect(caught.some((error) => error instanceof ContractBroken)).toBe(true)
  })
})

test('a sink without a ledger is refused', async () => {
  const idempotent = defineSink<unknown, unknown>({
    kind: 'mail',
    mode: 'idempotent',
    dedupes: false,
    encode: ({ value: data }) => data,
    open: () => Promise.reject(new Error('never opened')),
  })
  const [first] = sinkContract({ subject: () => ({ sink: idempotent, read: async () => [] }), value })
  await expect(first?.run()).rejects.toThrow("a sink whose mode is 'transactional'")
})
