import type { Owner } from '../definition/sink.js'

/** Orders owners by (generation, incarnation, claim), PROTOCOL §1. Zero says nothing of their runs: see `sameOwner`. */
export function compareOwners(a: Owner, b: Owner): number {
  return a.generation - b.generation || a.incarnation - b.incarnation || a.claim - b.claim
}

/** One and the same claim of one and the same run. */
export function sameOwner(a: Owner, b: Owner): boolean {
  return compareOwners(a, b) === 0 && a.runId === b.runId
}

/** For messages: `generation 1, incarnation 2, claim 3 of run …`. */
export function ownerText(owner: Owner): string {
  return `generation ${owner.generation}, incarnation ${owner.incarnation}, claim ${owner.claim} of run ${owner.runId}`
}
