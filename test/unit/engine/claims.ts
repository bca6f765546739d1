import type { Owner, Receipt } from '../../../src/definition/sink.js'
import type { Claim } from '../../../src/engine/recovery.js'
import { ChainedDigest, EMPTY_DIGEST } from '../../../src/engine/digest.js'

/** (generation, incarnation, claim) of a run. */
export const owner = (generation: number, incarnation: number, claim: number, runId = 'run'): Owner => ({
  generation,
  incarnation,
  claim,
  runId,
})

/** The digest of outputs of one sink, each a text. */
export function digestOf(...outputs: readonly string[]): string {
  const digest = new ChainedDigest()
  for (const text of outputs) digest.update(Buffer.from(text), 0)
  return digest.toString()
}

/** A task at epoch 4, position 100, whose ledger 'out' stands at seq 7. */
export function claimOf(more: Partial<Claim> = {}): Claim {
  return {
    pipeline: 'flights',
    stage: 'main',
    partition: 3,
    owner: owner(2, 5, 9),
    origin: { s: '10' },
    checkpoint: {
      epoch: 4,
      positions: { s: '100' },
      ledgers: { out: { seq: 7, digest: digestOf('a') } },
      identities: {},
    },
    scheduled: { epoch: 5, time: 5_000, seed: 'five' },
    fingerprint: 'code',
    isReset: false,
    ...more,
  }
}

/** What that ledger holds: exactly what the checkpoint says, if nothing else is given. */
export function receiptOf(more: Partial<Receipt> = {}): Receipt {
  return {
    version: 1,
    seq: 7,
    owner: owner(2, 5, 8),
    epoch: 4,
    time: 4_000,
    positions: { s: '100' },
    digest: digestOf('a'),
    timersEpoch: null,
    fingerprint: 'code',
    rejections: [],
    ...more,
  }
}

export { EMPTY_DIGEST }
