import type { Blueprint } from '../definition/blueprint.js'
import type { SegmentStore, StateBackend } from '../definition/state-backend.js'
import { TidemarkError } from '../errors/base.js'
import type { TaskAt } from '../errors/ownership.js'
import { PlanIncompatible, StateBackendMissing, StateBackendUnavailable, StateCorrupt } from '../errors/state.js'
import type { StateMark } from '../protocol/checkpoint.js'
import { BackendState } from '../state/backend-state.js'
import { InlineState } from '../state/inline-state.js'
import { inSlices, restoreLog, SegmentFault } from '../state/restore.js'
import type { SegmentLog } from '../state/segment-log.js'
import type { Shelf } from '../state/shelf.js'
import type { StateKeeper } from '../state/state-keeper.js'
import type { StepStates } from '../state/step-states.js'
import type { EpochMs } from '../units.js'
import type { EngineHost } from './host.js'
import { openShelf } from './open-shelf.js'
import type { Claim } from './recovery.js'

export interface Restoring {
  readonly host: EngineHost
  readonly states: StepStates
  readonly claim: Claim
  readonly blueprint: Blueprint
  readonly signal: AbortSignal
  /** Of a session, which a store of the worker's own ends when it fails. Without it tables stay in memory, and outlive their keeper. */
  readonly abort?: AbortController
  /** Of the epoch under way; 0: there was none. */
  readonly time: () => EpochMs
}

/**
 * Brings the tables to where the checkpoint has them, and returns what will keep them there. Throws `StateCorrupt`,
 * `StateBackendUnavailable`, `StateStoreUnavailable`, or `PlanIncompatible` with all that this code can't take over.
 */
export async function restoreState(restoring: Restoring): Promise<StateKeeper> {
  const { states, claim, blueprint } = restoring
  const { pipeline, stage, partition, checkpoint } = claim
  const task = { pipeline, stage, partition }
  const { backend } = blueprint
  const stored = checkpoint.state?.segments ?? []
  const rewrites = claim.allowNonRestoredState === true
  // What nobody takes need not be readable.
  const lets = rewrites && states.isEmpty
  if (backend === null || lets || (states.isEmpty && stored.length === 0)) {
    if (!lets) await restoreFrom(null, restoring, task)
    const limit = blueprint.inlineBytes
    return new InlineState({ states, recorded: checkpoint.state, limit, task, rewrites: rewrites && stored.length > 0 })
  }
  return await restoreWith(backend, restoring, task)
}

async function restoreWith(backend: StateBackend, restoring: Restoring, task: TaskAt): Promise<StateKeeper> {
  const { host, states, claim, blueprint, signal, abort, time } = restoring
  const { namespace, connection } = host
  const { describe, retainMs } = backend
  const ctx = { ...task, namespace, connection, signal }
  const store = await attempted(task, describe, 'open its store', () => backend.open(ctx))
  let shelf: Shelf | null = null
  try {
    if (blueprint.store !== null && abort !== undefined) {
      shelf = await openShelf(blueprint.store, ctx, abort)
      states.useShelf(shelf)
    }
    const log = await restoreFrom({ store, describe }, restoring, task)
    const { generation, incarnation, claim: number, runId } = claim.owner
    const tag = `${runId} ${generation}.${incarnation}.${number}`
    const warn = (message: string): void => host.log.warn(message)
    return new BackendState({ states, log, store, shelf, task, describe, retainMs, tag, time, warn })
  } catch (error) {
    await Promise.allSettled([store.close(), shelf?.close()])
    throw error
  }
}

/** Null: there is no backend. */
async function restoreFrom(
  backend: { readonly store: SegmentStore; readonly describe: string } | null,
  { states, claim, signal }: Restoring,
  task: TaskAt,
): Promise<SegmentLog> {
  const recorded: StateMark = claim.checkpoint.state ?? { segments: [], versions: {} }
  const read = async (segment: string): Promise<Uint8Array> => {
    if (backend === null) throw new StateBackendMissing(task)
    const { store, describe } = backend
    const bytes = await attempted(task, describe, 'read a segment', () => store.get(segment))
    const reason = `it is not in the state backend (${describe}): is that the one it was stored in?`
    if (bytes === null) throw new StateCorrupt({ ...task, segment, reason })
    return bytes
  }
  let log: SegmentLog
  try {
    log = await restoreLog(states, recorded.segments, read, signal)
  } catch (error) {
    if (!(error instanceof SegmentFault)) throw error
    throw new StateCorrupt({ ...task, segment: error.segment }, error.cause)
  }
  const wrong = await inSlices(states.finishing(recorded.versions, claim.allowNonRestoredState), signal)
  if (wrong.length > 0) throw new PlanIncompatible({ ...task, steps: wrong })
  return log
}

async function attempted<R>(task: TaskAt, backend: string, doing: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TidemarkError) throw error
    throw new StateBackendUnavailable({ ...task, backend, doing }, error)
  }
}
