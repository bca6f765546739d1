import type { Blueprint } from '../definition/blueprint.js'
import { TidemarkError } from '../errors/base.js'
import { StateBackendUnavailable } from '../errors/state.js'
import { Answers } from './answers.js'
import { problemOf } from './bad-record.js'
import type { EngineHost } from './host.js'
import type { Ahead, Claim } from './recovery.js'

/** How far ledgers are ahead of the checkpoint. */
export interface Standing {
  readonly ahead: readonly (Ahead | null)[]
  /** Of receipts of epochs that are recorded. */
  readonly stale: readonly string[]
}

/**
 * What calls came to of all that any ledger holds, as receipts name it. All have been fenced when they were read, so no other
 * will name more. Throws `StateBackendUnavailable` or `StateCorrupt`.
 */
export async function openAnswers(
  host: EngineHost,
  { backend }: Blueprint,
  claim: Claim,
  { ahead, stale }: Standing,
  signal: AbortSignal,
): Promise<Answers> {
  if (backend === null) throw new TypeError('results of calls are kept in a state backend, and there is none')
  const { pipeline, stage, partition, owner, scheduled } = claim
  const task = { pipeline, stage, partition }
  const { describe } = backend
  const { namespace, connection } = host
  // Also of those that stand at the checkpoint: what time does at an epoch's start moves no position.
  const heads = ahead.flatMap((one) => one?.answers ?? [])
  try {
    const answers = new Answers({
      store: await backend.open({ ...task, namespace, connection, signal }),
      describe,
      task,
      tag: `${owner.runId} ${owner.generation}.${owner.incarnation}.${owner.claim}`,
      warn: (message) => host.log.warn(message),
      tell: (trouble) => host.tell?.(claim, problemOf(trouble, Date.now())),
      signal,
    })
    try {
      await answers.restore(scheduled?.epoch ?? 0, heads)
      answers.forget(stale)
      return answers
    } catch (error) {
      await answers.close()
      throw error
    }
  } catch (error) {
    if (error instanceof TidemarkError) throw error
    throw new StateBackendUnavailable({ ...task, backend: describe, doing: 'read results of calls' }, error)
  }
}
