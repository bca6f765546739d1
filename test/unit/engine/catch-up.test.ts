import { describe, expect, test } from 'vitest'
import { compareDecimal } from '../../../src/definition/position.js'
import { CatchUp } from '../../../src/engine/catch-up.js'
import { ChainedDigest } from '../../../src/engine/digest.js'
import type { Emitter } from '../../../src/engine/emitter.js'
import type { Ledger } from '../../../src/engine/ledger.js'
import type { Ahead } from '../../../src/engine/recovery.js'
import { claimOf, digestOf } from './claims.js'

/** What `CatchUp` sees of a ledger: its phase, its digest, and what it is ahead by. */
function ledgerAt(id: string, position: string | null, digest = digestOf('a')): Ledger {
  const ahead: Ahead | null =
    position === null
      ? null
      : { positions: { s: position }, digest, fingerprint: 'code', rejections: [], timers: false, ended: false }
  return { id, ahead, phase: 'live', digest: new ChainedDigest(digestOf('a')) } as unknown as Ledger
}

function catchUpOf(ledgers: readonly Ledger[], more: Partial<ConstructorParameters<typeof CatchUp>[0]> = {}): CatchUp {
  const furthest = null
  const base = {
    claim: claimOf(),
    order: { s: compareDecimal },
    furthest,
    emitters: [],
    acceptCodeChange: false,
    adopts: false,
  }
  return new CatchUp({ ...base, ledgers, ...more })
}

const phases = (ledgers: readonly { readonly phase: string }[]): string[] => ledgers.map(({ phase }) => phase)

describe('catching up', () => {
  test('is no matter of ledgers that stand at the checkpoint', () => {
    const ledgers = [ledgerAt('a', null), ledgerAt('b', '100')]
    const catchUp = catchUpOf(ledgers)
    expect([catchUp.active, catchUp.next]).toEqual([false, null])
    expect(phases(ledgers)).toEqual(['live', 'live'])
    expect(ledgers[1]?.ahead).toBeNull()
  })

  test('a ledger at the checkpoint must have its digest', () => {
    expect(() => catchUpOf([ledgerAt('a', '100', digestOf('b'))])).toThrow(
      expect.objectContaining({ code: 'NonDeterministicStep' }),
    )
  })

  test('mutes each ledger up to its own position, holds it to the furthest, then lets all live', () => {
    const ledgers = [ledgerAt('a', '120'), ledgerAt('b', null), ledgerAt('c', '1000'), ledgerAt('d', '120')]
    const emitter = { phase: 'live' } as unknown as Emitter
    const catchUp = catchUpOf(ledgers, { emitters: [emitter] })
    expect(catchUp.next).toEqual({ s: '120' })
    expect(phases([...ledgers, emitter])).toEqual(['muted', 'held', 'muted', 'muted', 'held'])
    expect(catchUp.reach({ s: '119' })).toBe(false)
    expect(phases(ledgers)).toEqual(['muted', 'held', 'muted', 'muted'])
    expect(catchUp.reach({ s: '120' })).toBe(false)
    expect(catchUp.next).toEqual({ s: '1000' })
    expect(phases([...ledgers, emitter])).toEqual(['held', 'held', 'muted', 'held', 'held'])
    expect(catchUp.reach({ s: '1000' })).toBe(true)
    expect([catchUp.active, catchUp.next]).toEqual([false, null])
    expect(phases([...ledgers, emitter])).toEqual(['live', 'live', 'live', 'live', 'live'])
  })

  test('reaches several stations in a gap at once', () => {
    const ledgers = [ledgerAt('a', '120'), ledgerAt('b', '110')]
    expect(catchUpOf(ledgers).reach({ s: '125' })).toBe(true)
    expect(phases(ledgers)).toEqual(['live', 'live'])
  })

  test('a digest that differs at a later station lets nothing live', () => {
    const ledgers = [ledgerAt('a', '110'), ledgerAt('b', '120', digestOf('b'))]
    const catchUp = catchUpOf(ledgers)
    expect(catchUp.reach({ s: '110' })).toBe(false)
    expect(() => catchUp.reach({ s: '120' })).toThrow(expect.objectContaining({ code: 'NonDeterministicStep' }))
    expect(phases(ledgers)).toEqual(['held', 'muted'])
  })

  test('code that is accepted goes on from the digest of the receipt; the same code is never excused', () => {
    const accept = { claim: claimOf({ fingerprint: 'new code' }), acceptCodeChange: true }
    const ledger = ledgerAt('a', '120', digestOf('b'))
    const catchUp = catchUpOf([ledger], accept)
    expect(catchUp.reach({ s: '120' })).toBe(true)
    expect(ledger.digest.toString()).toBe(digestOf('b'))
    const same = catchUpOf([ledgerAt('a', '120', digestOf('b'))], { acceptCodeChange: true })
    expect(() => same.reach({ s: '120' })).toThrow(expect.objectContaining({ code: 'NonDeterministicStep' }))
  })
})
