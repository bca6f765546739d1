import {
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  patched,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow'
import { MEMO } from '../src/protocol/messages.js'
import { ACTIVITY } from '../src/protocol/names.js'
import type { SavedTask, SavepointInput, SavepointMemo } from '../src/protocol/savepoint.js'
import type { TaskState } from '../src/protocol/task.js'
import { control, keep } from './activities.js'
import { asWorkflowFailure, failureOf } from './failure.js'
import { dropSavepointSignal } from './messages.js'

/** Tasks whose state is copied at once. */
const AT_ONCE = 4

/**
 * A savepoint: open from when it is begun until it is deleted. Its memo says that it is whole. Whatever ends it takes away
 * what it has kept.
 */
export async function tidemarkSavepoint(input: SavepointInput): Promise<void> {
  const scope = new CancellationScope()
  setHandler(dropSavepointSignal, () => scope.cancel())
  let failure: unknown = null
  try {
    await scope.run(async () => {
      const memo = await kept(input, scope)
      upsertMemo({ [MEMO.savepoint]: memo })
      await condition(() => false)
    })
  } catch (error) {
    if (!isCancellation(error)) failure = error
  }
  try {
    await CancellationScope.nonCancellable(() => control[ACTIVITY.dropSavepoint](input))
  } catch (error) {
    failure = failure === null ? error : withCopiesLeft(failure, error)
  }
  if (failure !== null) throw asWorkflowFailure(failure)
}

/** Why it came to nothing, and what that has left. */
function withCopiesLeft(failure: unknown, left: unknown): ApplicationFailure {
  const { code, message, details } = failureOf(failure)
  const both = `${message}. Besides: ${failureOf(left).message}`
  return ApplicationFailure.create({ message: both, type: code, nonRetryable: true, details: [details] })
}

async function kept(input: SavepointInput, scope: CancellationScope): Promise<SavepointMemo> {
  const { pipeline, label, id, atRest } = input
  const named = { pipeline, label, ...(id !== undefined && { id }) }
  const tasks: SavedTask[] = []
  for (let at = 0; at < input.tasks.length; at += AT_ONCE) {
    const some = input.tasks.slice(at, at + AT_ONCE)
    const work = some.map((task) => keep[ACTIVITY.keepCheckpoint]({ ...named, atRest, ...task }))
    tasks.push(...(await allOf(work, scope)))
  }
  return { ...named, at: Date.now(), tasks }
}

/** Ends with the first failure, and when the others have: what one stores behind the drop would stay for ever. */
async function allOf<T>(work: readonly Promise<T>[], scope: CancellationScope): Promise<readonly T[]> {
  try {
    return await Promise.all(work)
  } catch (error) {
    if (patched('drop-when-settled')) {
      scope.cancel()
      await Promise.allSettled(work)
    }
    throw error
  }
}

/** Keeps a task's checkpoint for a savepoint, as its input: open, it outlives what the namespace keeps of histories. */
export async function tidemarkSavedTask(_state: TaskState): Promise<void> {
  await condition(() => false)
}
