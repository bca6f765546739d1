import { expect, test } from 'vitest'
import type { TidemarkError } from '../../../src/errors/base.js'
import { errorCatalog } from '../../../src/errors/catalog.js'
import { OwnershipError, SinkError } from '../../../src/errors/families.js'
import { ForeignOwner, GenerationFenced, NotCaughtUp, SessionLost } from '../../../src/errors/ownership.js'
import * as sink from '../../../src/errors/sink.js'

const task = { pipeline: 'flights', stage: 'main', partition: 3 }
const at = { ...task, sink: 'files' }
const owner = { generation: 2, incarnation: 1, claim: 7, runId: 'run-a' }
const positions = { flights: '42' }
const digests = { ...at, epoch: 5, positions, expected: 'e'.repeat(64), found: 'f'.repeat(64) }
const cause = new Error('why')

const errors: readonly [TidemarkError, string][] = [
  [
    new sink.SinkUnavailable({ ...at, target: 'directory out', doing: 'commit' }, cause),
    'sink files of flights/main/3 could not commit (directory out): why',
  ],
  [
    new sink.SinkUnauthorized({ ...at, target: 'directory out', doing: 'open its ledger', reason: 'no links' }, cause),
    'sink files of flights/main/3 could not open its ledger (directory out): no links',
  ],
  [new sink.SinkBehind({ ...at, checkpointSeq: 9, ledgerSeq: 4, positions }, cause), 'commit 4 (flights 42)'],
  [new sink.NonDeterministicStep(digests, cause), 'epoch 5 below flights 42'],
  [new sink.CodeChanged({ ...digests, receiptFingerprint: 'a', fingerprint: 'b' }, cause), 'fingerprint b'],
  [
    new sink.LedgerAhead(
      { ...at, ledgerEpoch: 8, ledgerTime: 1, ledgerGeneration: 1, epoch: 5, scheduledTime: null, generation: 1 },
      cause,
    ),
    'epoch 8 of generation 1, which history (epoch 5 of generation 1) does not know',
  ],
  [new sink.ReceiptLost({ ...at, checkpointSeq: 9 }, cause), 'history knows of commit 9'],
  [new sink.ForeignReceipt({ ...at, target: 'directory out', found: 'no entry' }, cause), 'directory out: no entry'],
  [new GenerationFenced({ ...at, owner, ledgerOwner: { ...owner, claim: 8 } }, cause), 'claim 8 of run run-a'],
  [new GenerationFenced({ ...at, owner, ledgerOwner: null }, cause), 'to another owner'],
  [new NotCaughtUp({ ...task, epoch: 5, positions, furthest: { flights: '50' } }, cause), '{"flights":"50"}'],
  [new ForeignOwner({ ...task, ledgerOwner: owner, times: 3 }, cause), 'fenced 3 times'],
  [new SessionLost({ ...task, worker: 'w1', reason: 'it was restarted' }, cause), 'on worker w1: it was restarted'],
]

test.each(errors)('%s', (error, text) => {
  expect(error.message).toContain(text)
  expect(error.message).toContain('flights/main/3')
  expect(error.name).toBe(error.constructor.name)
  expect(error.code).toBe(error.constructor.name)
  expect({ retryable: error.retryable, next: error.next }).toEqual(errorCatalog[error.code])
  expect(error.cause).toBe(cause)
  expect(error.details).toMatchObject(task)
})

test('each belongs to its family', () => {
  for (const [error] of errors) {
    const family = error.constructor.name in sink ? SinkError : OwnershipError
    expect(error).toBeInstanceOf(family)
  }
})
