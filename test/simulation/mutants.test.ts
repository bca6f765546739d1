import { afterEach, describe, expect, test, vi } from 'vitest'
import type * as commitModule from '../../src/engine/commit.js'
import type * as refusalsModule from '../../src/engine/refusals.js'
import type * as catchUpModule from '../../src/engine/catch-up.js'
import type * as ownerModule from '../../src/engine/owner.js'
import type * as recoveryModule from '../../src/engine/recovery.js'
import type * as simulateModule from './simulate.js'

/** A rule that is broken has to show within so many schedules. */
const SEEDS = 1_500
const ENGINE = '../../src/engine'

type Simulate = typeof simulateModule.simulate
type Options = simulateModule.SimulationOptions

/** The simulation over an engine of which one module is another. */
async function simulateWith<M extends object>(module: string, change: (real: M) => Partial<M>): Promise<Simulate> {
  vi.doMock(`${ENGINE}/${module}.js`, async (original) => {
    const real = await original<M>()
    return { ...real, ...change(real) }
  })
  vi.resetModules()
  return (await import('./simulate.js')).simulate
}

/** The first invariant that breaks. */
async function found(simulate: Simulate, options: Options = {}): Promise<string> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { broke } = await simulate(seed, options)
    if (broke !== null) return broke
  }
  return 'nothing'
}

afterEach(() => {
  for (const module of ['recovery', 'catch-up', 'owner', 'emitter', 'commit', 'refusals'])
    vi.doUnmock(`${ENGINE}/${module}.js`)
  vi.resetModules()
})

describe('the simulation finds a rule of the engine that is broken:', () => {
  test('outputs below P are muted (PROTOCOL 3.2)', async () => {
    const simulate = await simulateWith<typeof recoveryModule>('recovery', () => ({ aheadOf: () => null }))
    expect(await found(simulate)).toMatch(/^1:/)
  })

  test('no checkpoint before having caught up with every ledger (PROTOCOL 3.4)', async () => {
    const simulate = await simulateWith<typeof catchUpModule>('catch-up', ({ CatchUp }) => ({
      CatchUp: class extends CatchUp {
        override reach(position: string): boolean {
          if (super.reach(position)) return true
          const { ledgers, stations } = this as unknown as {
            readonly ledgers: readonly { phase: string }[]
            readonly stations: unknown[]
          }
          for (const ledger of ledgers) ledger.phase = 'live'
          stations.length = 0
          return true
        }
      },
    }))
    expect(await found(simulate)).toMatch(/^(1|8|10|14|17):/)
  })

  test('owners are ordered by claim too (PROTOCOL 1)', async () => {
    const simulate = await simulateWith<typeof ownerModule>('owner', () => ({
      compareOwners: (a, b) => a.generation - b.generation || a.incarnation - b.incarnation,
    }))
    expect(await found(simulate)).toMatch(/^(5, 6|14):/)
  })

  test('the commit sequence is compared, not the position (PROTOCOL 2.4)', async () => {
    const simulate = await simulateWith<typeof recoveryModule>('recovery', ({ judgeReceipt }) => ({
      judgeReceipt(ledger, receipt, place, claim) {
        judgeReceipt(ledger, receipt, place, claim)
        const { positions } = claim.checkpoint
        const mine = receipt?.owner.generation === claim.owner.generation ? receipt : null
        const isBehind = Object.entries(positions).some(([id, at]) => Number(mine?.positions[id] ?? at) < Number(at))
        if (mine !== null && isBehind) judgeReceipt(ledger, { ...mine, seq: 0 }, place, claim)
      },
    }))
    expect(await found(simulate)).toMatch(/^14: parked with SinkBehind/)
  })

  test('a fence receipt of a newer generation begins anew (PROTOCOL 2.3)', async () => {
    const simulate = await simulateWith<typeof recoveryModule>('recovery', ({ fenceReceipt }) => ({
      fenceReceipt(ledger, receipt, claim) {
        const fence = fenceReceipt(ledger, receipt, claim)
        return receipt === null ? fence : { ...receipt, seq: fence.seq, owner: fence.owner }
      },
    }))
    expect(await found(simulate)).toMatch(/^(10|14|17):/)
  })

  test('every claim commits a fence receipt (PROTOCOL 2.3)', async () => {
    const simulate = await simulateWith<typeof recoveryModule>('recovery', ({ fenceReceipt }) => ({
      fenceReceipt(ledger, receipt, claim) {
        const fence = fenceReceipt(ledger, receipt, claim)
        return receipt?.owner.generation === fence.owner.generation ? { ...fence, seq: receipt.seq } : fence
      },
    }))
    expect(await found(simulate, { kind: 'compare' })).toMatch(/^(1|5, 6|14|17):/)
  })

  test('a retry obeys what receipts list as refused (PROTOCOL 5)', async () => {
    const simulate = await simulateWith<typeof refusalsModule>('refusals', ({ Refusals }) => ({
      Refusals: class extends Refusals {
        override restore(): void {}
      },
    }))
    expect(await found(simulate)).toMatch(/^1: more letters/)
  })

  test('dead letters are durable before the outputs beside them (PROTOCOL 5)', async () => {
    const simulate = await simulateWith<typeof commitModule>('commit', ({ commitAll }) => ({
      async commitAll(session, due, at) {
        const { outlet } = session.refusals
        if (outlet === null) return await commitAll(session, due, at)
        const others = due.filter((ledger) => ledger !== outlet)
        const last = session.ledgers.filter((ledger) => ledger === outlet)
        // The letters' ledger is not known as such until the others have committed.
        Object.defineProperty(session.refusals, 'outlet', { configurable: true, value: null })
        const commits = await commitAll(session, others, at)
        Reflect.deleteProperty(session.refusals, 'outlet')
        return commits + (await commitAll(session, last, at))
      },
    }))
    expect(await found(simulate)).toMatch(/^(5 \(letters\)|1):/)
  })

  test('every attempt of an epoch has the same time and seed (PROTOCOL 1)', async () => {
    const { simulate } = await import('./simulate.js')
    expect(await found(simulate, { drawsAnew: true })).toMatch(
      /^14: parked with (LedgerAhead|NonDeterministicStep|CodeChanged)/,
    )
  })
})

describe('the simulation finds a ledger that', () => {
  test('reads before it fences (PROTOCOL 2.1)', async () => {
    const { simulate } = await import('./simulate.js')
    expect(await found(simulate, { flaw: 'reads before it fences', kind: 'producer' })).toMatch(/^(1|6|10|17):/)
  })

  test('lets older owners commit', async () => {
    const { simulate } = await import('./simulate.js')
    expect(await found(simulate, { flaw: 'no comparing' })).toMatch(/^(5, 6|6):/)
  })

  test('makes receipt and outputs durable one after the other (PROTOCOL 3.7)', async () => {
    const { simulate } = await import('./simulate.js')
    expect(await found(simulate, { flaw: 'receipt before outputs' })).toMatch(/^(6|10|17):/)
  })
})
