import { describe, expect, test } from 'vitest'
import { compareDecimal } from '../../../src/definition/position.js'
import type { Receipt } from '../../../src/definition/sink.js'
import {
  aheadOf,
  type Claim,
  fenceReceipt,
  furthestOf,
  judgeDigest,
  judgeReceipt,
} from '../../../src/engine/recovery.js'
import { claimOf, digestOf, EMPTY_DIGEST, owner, receiptOf } from './claims.js'

const nothingKnown: Claim['checkpoint'] = { epoch: 0, positions: { s: '100' }, ledgers: {}, identities: {} }

describe('who may open a ledger (PROTOCOL 2.2)', () => {
  const cases: readonly (readonly [string, Receipt['owner'], boolean])[] = [
    ['an older claim', owner(2, 5, 8), true],
    ['this very claim, once more', owner(2, 5, 9), true],
    ['an older start with more claims', owner(2, 4, 99), true],
    ['an older generation with more starts and claims', owner(1, 99, 99), true],
    ['the same claim of another run', owner(2, 5, 9, 'other'), false],
    ['a newer claim', owner(2, 5, 10), false],
    ['a newer start with fewer claims', owner(2, 6, 1), false],
    ['a newer generation with fewer starts', owner(3, 1, 1), false],
  ]
  test.each(cases)('over the receipt of %s', (_, holder, may) => {
    const found = receiptOf({ owner: holder })
    // History knows a ledger as this generation has left it.
    const isOlder = holder.generation < 2
    const open = (): Receipt => fenceReceipt('out', found, claimOf(isOlder ? { checkpoint: nothingKnown } : {}))
    if (may) expect(open().owner).toEqual(owner(2, 5, 9))
    else {
      expect(open).toThrow(
        expect.objectContaining({
          code: 'GenerationFenced',
          details: expect.objectContaining({ sink: 'out', owner: owner(2, 5, 9), ledgerOwner: holder }),
        }),
      )
    }
  })
})

describe('the fence receipt (PROTOCOL 2.3)', () => {
  test('copies all but seq and owner', () => {
    const found = receiptOf({ timersEpoch: 4, rejections: [['out', 'id']], fingerprint: 'older code' })
    expect(fenceReceipt('out', found, claimOf())).toEqual({ ...found, seq: 8, owner: owner(2, 5, 9) })
  })

  test('of a newer generation begins anew, at its start, after the same seq', () => {
    const found = receiptOf({ owner: owner(1, 5, 8), timersEpoch: 4 })
    expect(fenceReceipt('out', found, claimOf({ checkpoint: nothingKnown }))).toEqual({
      version: 1,
      seq: 8,
      owner: owner(2, 5, 9),
      epoch: null,
      time: null,
      positions: { s: '10' },
      digest: EMPTY_DIGEST,
      timersEpoch: null,
      fingerprint: 'code',
      rejections: [],
    })
  })

  test('is not made over what is behind the checkpoint, which may be there still', () => {
    for (const found of [receiptOf({ seq: 6 }), receiptOf({ owner: owner(1, 5, 8) })]) {
      const open = (): Receipt => fenceReceipt('out', found, claimOf())
      expect(open).toThrow(expect.objectContaining({ code: 'SinkBehind' }))
    }
  })

  test('is not made in another place, whatever lies there', () => {
    const { checkpoint } = claimOf()
    const ledgers = { out: { seq: 7, digest: digestOf('a'), place: 'here' } }
    const claim = claimOf({ checkpoint: { ...checkpoint, ledgers } })
    expect(fenceReceipt('out', receiptOf(), claim, 'here').seq).toBe(8)
    for (const found of [null, receiptOf(), receiptOf({ seq: 6 }), receiptOf({ owner: owner(1, 5, 8) })]) {
      const open = (): Receipt => fenceReceipt('out', found, claim, 'there')
      expect(open).toThrow(expect.objectContaining({ code: 'ForeignReceipt' }))
    }
    // That there is a newer owner is said first, as it is everywhere.
    const newer = (): Receipt => fenceReceipt('out', receiptOf({ owner: owner(2, 5, 10) }), claim, 'there')
    expect(newer).toThrow(expect.objectContaining({ code: 'GenerationFenced' }))
  })

  test('of a ledger that history has never heard of begins at the checkpoint', () => {
    const first = fenceReceipt('out', null, claimOf({ checkpoint: nothingKnown }))
    expect(first).toMatchObject({ seq: 1, epoch: null, time: null, positions: { s: '100' }, digest: EMPTY_DIGEST })
  })
})

describe('no receipt where history knows one (PROTOCOL 2.4)', () => {
  const lost = expect.objectContaining({ code: 'ReceiptLost', details: expect.objectContaining({ checkpointSeq: 7 }) })

  test('commits that of the checkpoint again, above its seq, with nothing half done', () => {
    const first = fenceReceipt('out', null, claimOf({ scheduled: null }))
    expect(first).toMatchObject({ seq: 8, epoch: null, time: null, positions: { s: '100' }, digest: digestOf('a') })
  })

  test('is a loss while an epoch is scheduled: it may have committed', () => {
    expect(() => fenceReceipt('out', null, claimOf())).toThrow(lost)
  })

  test('is a loss in a reset run: what it knows is older than what happened', () => {
    expect(() => fenceReceipt('out', null, claimOf({ scheduled: null, isReset: true }))).toThrow(lost)
  })
})

describe('whether ledger and checkpoint belong together (PROTOCOL 2.4)', () => {
  const fifth = { epoch: 5, time: 5_000, seq: 8, digest: digestOf('a', 'b'), positions: { s: '120' } }
  type Case = readonly [name: string, found: Partial<Receipt> | null, code: string | null, claim?: Partial<Claim>]
  const cases: readonly Case[] = [
    ['the receipt of the checkpoint', {}, null],
    ['that one, fenced over by others', { seq: 12, owner: owner(2, 5, 8) }, null],
    ['a commit of the scheduled epoch', fifth, null],
    ['a seq below that of the checkpoint', { seq: 6 }, 'SinkBehind'],
    ['a seq below it at a higher position', { seq: 6, positions: { s: '999' } }, 'SinkBehind'],
    [
      'a lower position at its seq: everything was filtered out',
      { positions: { s: '40' }, epoch: 2, time: 2_000 },
      null,
    ],
    ['another digest at its seq', { digest: digestOf('b') }, 'ForeignReceipt'],
    ['another digest under fence receipts', { seq: 9, epoch: 3, time: 3_000, digest: digestOf('b') }, 'ForeignReceipt'],
    ['an epoch after the scheduled one', { ...fifth, epoch: 6 }, 'LedgerAhead'],
    ['the scheduled epoch with another time', { ...fifth, time: 5_001 }, 'LedgerAhead'],
    ['an epoch that nobody has scheduled', fifth, 'LedgerAhead', { scheduled: null }],
    ['an older generation, though history knows this one', { owner: owner(1, 5, 8) }, 'SinkBehind'],
    [
      'an older generation, at the first claim of this one',
      { owner: owner(1, 5, 8) },
      null,
      { checkpoint: nothingKnown },
    ],
    [
      'the fence receipt of a claim whose answer was lost',
      { epoch: null, time: null, seq: 1, digest: EMPTY_DIGEST },
      null,
      { checkpoint: nothingKnown },
    ],
    ['commits of a history that is gone', fifth, 'LedgerAhead', { checkpoint: nothingKnown, scheduled: null }],
    ['nothing', null, null],
  ]
  for (const [name, found, code, claim = {}] of cases) {
    test(`${name}: ${code ?? 'goes on'}`, () => {
      const judge = (): void => judgeReceipt('out', found === null ? null : receiptOf(found), undefined, claimOf(claim))
      if (code === null) expect(judge).not.toThrow()
      else expect(judge).toThrow(expect.objectContaining({ code }))
    })
  }

  test('another place than history knows is foreign, whatever lies there', () => {
    const { checkpoint } = claimOf()
    const ledgers = { out: { seq: 7, digest: digestOf('a'), place: 'here' } }
    const claim = claimOf({ checkpoint: { ...checkpoint, ledgers } })
    expect(() => judgeReceipt('out', receiptOf(), 'here', claim)).not.toThrow()
    expect(() => judgeReceipt('out', receiptOf(), undefined, claim)).not.toThrow()
    for (const found of [receiptOf(), null]) {
      expect(() => judgeReceipt('out', found, 'there', claim)).toThrow(
        expect.objectContaining({
          code: 'ForeignReceipt',
          message: expect.stringContaining('do all workers share it?'),
        }),
      )
    }
  })

  test('LedgerAhead says what both of them know', () => {
    const judge = (): void => judgeReceipt('out', receiptOf({ ...fifth, epoch: 9 }), undefined, claimOf())
    expect(judge).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({
          ledgerEpoch: 9,
          ledgerTime: 5_000,
          epoch: 4,
          scheduledTime: 5_000,
          generation: 2,
        }),
      }),
    )
  })
})

describe('what is executed again muted (PROTOCOL 3.1)', () => {
  const fifth = receiptOf({
    epoch: 5,
    time: 5_000,
    seq: 9,
    digest: digestOf('a', 'b'),
    positions: { s: '120' },
    fingerprint: 'old',
  })

  test('up to the receipt of the scheduled epoch', () => {
    expect(aheadOf(fifth, claimOf())).toEqual({
      positions: { s: '120' },
      digest: digestOf('a', 'b'),
      fingerprint: 'old',
      rejections: [],
      timers: false,
      ended: false,
    })
  })

  test('nothing: no receipt, none of that epoch, none of this generation, no epoch scheduled', () => {
    expect(aheadOf(null, claimOf())).toBeNull()
    expect(aheadOf(receiptOf(), claimOf())).toBeNull()
    expect(aheadOf({ ...fifth, owner: owner(1, 5, 8) }, claimOf())).toBeNull()
    expect(aheadOf(fifth, claimOf({ scheduled: null }))).toBeNull()
  })

  test('P* is the furthest of all ledgers, or nothing', () => {
    const at = (s: string) => ({
      positions: { s },
      digest: '',
      fingerprint: '',
      rejections: [],
      timers: false,
      ended: false,
    })
    const far = (...ahead: Parameters<typeof furthestOf>[0]) =>
      furthestOf(ahead, { s: '100' }, { s: compareDecimal })?.['s'] ?? null
    expect(far(at('99'), null, at('1000'), at('120'))).toBe('1000')
    expect(far(null, null)).toBeNull()
    expect(far()).toBeNull()
    expect(far(at('100'), at('99'))).toBeNull()
    expect(furthestOf([at('b')], { s: 'a' }, { s: (a, b) => (a < b ? -1 : a > b ? 1 : 0) })).toEqual({ s: 'b' })
  })
})

describe('the digest at P (PROTOCOL 3.2, 3.5)', () => {
  const ahead = {
    positions: { s: '120' },
    digest: digestOf('b'),
    fingerprint: 'code',
    rejections: [],
    timers: false,
    ended: false,
  }

  test("is the receipt's, whatever code made it", () => {
    expect(() => judgeDigest('out', digestOf('b'), ahead, claimOf())).not.toThrow()
    expect(() => judgeDigest('out', digestOf('b'), { ...ahead, fingerprint: 'old' }, claimOf())).not.toThrow()
  })

  test('another one of the same code: a step is not deterministic', () => {
    expect(() => judgeDigest('out', digestOf('c'), ahead, claimOf())).toThrow(
      expect.objectContaining({
        code: 'NonDeterministicStep',
        details: expect.objectContaining({
          epoch: 5,
          positions: { s: '120' },
          expected: digestOf('b'),
          found: digestOf('c'),
        }),
      }),
    )
  })

  test('another one of other code: the code has changed', () => {
    expect(() => judgeDigest('out', digestOf('c'), { ...ahead, fingerprint: 'old' }, claimOf())).toThrow(
      expect.objectContaining({
        code: 'CodeChanged',
        details: expect.objectContaining({ receiptFingerprint: 'old', fingerprint: 'code' }),
      }),
    )
  })
})
