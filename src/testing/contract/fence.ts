import type { Positions } from '../../definition/position.js'
import type { Owner, Receipt } from '../../definition/sink.js'
import { GenerationFenced } from '../../errors/ownership.js'

/** Older: negative. By generation, then incarnation, then claim (PROTOCOL §1). */
export const compareOwners = (a: Owner, b: Owner): number =>
  a.generation - b.generation || a.incarnation - b.incarnation || a.claim - b.claim

/**
 * What `SinkContext.fence` does, after the letter of PROTOCOL §2.2 and §2.3. Written on its own, so that a mistake in
 * the engine's is not repeated here.
 */
export function fenceAs(owner: Owner, start: Positions, at: GenerationFenced['details']) {
  return (found: Receipt | null): Receipt => {
    if (found !== null) {
      const order = compareOwners(found.owner, owner)
      if (order > 0 || (order === 0 && found.owner.runId !== owner.runId)) {
        throw new GenerationFenced({ ...at, owner, ledgerOwner: found.owner })
      }
      if (found.owner.generation === owner.generation) return { ...found, seq: found.seq + 1, owner }
    }
    return {
      version: 1,
      seq: (found?.seq ?? 0) + 1,
      owner,
      epoch: null,
      time: null,
      positions: start,
      digest: '',
      timersEpoch: null,
      fingerprint: 'contract',
      rejections: [],
    }
  }
}
