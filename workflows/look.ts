import type { LookRequest, LookResult } from '../src/protocol/look.js'
import { ACTIVITY } from '../src/protocol/names.js'
import { sessionOn } from './activities.js'
import { asWorkflowFailure } from './failure.js'

/** Asks the session of one task once. A workflow of its own, for the answer must not lie in the task's history. */
export async function tidemarkLook({ queue, look }: LookRequest): Promise<LookResult> {
  const { [ACTIVITY.look]: ask } = sessionOn(queue)
  try {
    return await ask(look)
  } catch (error) {
    throw asWorkflowFailure(error)
  }
}
