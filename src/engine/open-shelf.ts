import type { StateContext } from '../definition/state-backend.js'
import type { StateStore } from '../definition/state-store.js'
import type { TaskAt } from '../errors/ownership.js'
import { StateStoreUnavailable } from '../errors/state.js'
import { Shelf } from '../state/shelf.js'

/**
 * A session's shelf. What goes wrong with it later is no fault of the record under way: `abort` ends the session. Throws
 * `StateStoreUnavailable`.
 */
export async function openShelf(store: StateStore, ctx: StateContext, abort: AbortController): Promise<Shelf> {
  const { pipeline, stage, partition } = ctx
  const task: TaskAt = { pipeline, stage, partition }
  const failure = (doing: string, cause: unknown): StateStoreUnavailable =>
    new StateStoreUnavailable({ ...task, store: store.describe, doing }, cause)
  try {
    return new Shelf(await store.open(ctx), (doing, cause) => {
      const error = failure(doing, cause)
      abort.abort(error)
      return error
    })
  } catch (error) {
    throw failure('open', error)
  }
}
