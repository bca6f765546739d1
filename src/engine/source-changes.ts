import type { Position } from '../definition/position.js'
import { PositionLost, SourceChanged } from '../errors/source.js'
import type { Claim } from './recovery.js'

/** Nothing of what is to be executed again may be missing (PROTOCOL §3.6). */
export function lostAgain(claim: Claim, source: string, error: unknown): unknown {
  if (!(error instanceof PositionLost)) return error
  const { position } = error.details
  return changed(claim, source, position, { was: `readable from ${position}`, is: 'no longer' }, error)
}

/** What a source was and is. */
type Change = { readonly was: string; readonly is: string }

/** The source isn't what it was when the checkpoint was made. */
export function changed(
  claim: Claim,
  source: string,
  position: Position,
  change: Change,
  cause?: Error,
): SourceChanged {
  const { pipeline, stage, partition } = claim
  return new SourceChanged({ pipeline, stage, source, partition, position, ...change }, cause)
}
