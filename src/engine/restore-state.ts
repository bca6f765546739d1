import type { Blueprint } from '../definition/blueprint.js'
import { PlanIncompatible, StateCorrupt } from '../errors/state.js'
import type { Segment } from '../protocol/checkpoint.js'
import { InlineState } from '../state/inline-state.js'
import type { StateKeeper } from '../state/state-keeper.js'
import type { StepStates } from '../state/step-states.js'
import type { Claim } from './recovery.js'

/**
 * Brings the tables to where the checkpoint has them, and returns what will keep them there. Throws `StateCorrupt`, or
 * `PlanIncompatible` with all that this code can't take over.
 */
export async function restoreState(states: StepStates, claim: Claim, blueprint: Blueprint): Promise<StateKeeper> {
  const { pipeline, stage, partition, checkpoint } = claim
  const task = { pipeline, stage, partition }
  for (const [index, segment] of (checkpoint.state?.segments ?? []).entries()) {
    try {
      states.restore(await bytesOf(segment))
    } catch (error) {
      throw new StateCorrupt({ ...task, segment: nameOf(segment, index) }, error)
    }
  }
  const wrong = states.restored(checkpoint.state?.versions ?? {})
  if (wrong.length > 0) throw new PlanIncompatible({ ...task, steps: wrong })
  return new InlineState({ states, recorded: checkpoint.state, limit: blueprint.inlineBytes, task })
}

async function bytesOf(segment: Segment): Promise<Uint8Array> {
  if ('data' in segment) return Buffer.from(segment.data, 'base64')
  throw new TypeError('it lies in a state backend, and the pipeline has none')
}

const nameOf = (segment: Segment, index: number): string =>
  'data' in segment ? `${index + 1} in history` : segment.key
